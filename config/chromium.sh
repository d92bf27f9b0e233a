#!/bin/sh
# Prints the path of a Chromium for the browser tests, installing one where that is possible.
set -eu

find_one() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" 2>/dev/null; then
            return 0
        fi
    done
    return 1
}

if [ -n "${CHROMIUM:-}" ]; then
    if [ ! -x "$CHROMIUM" ]; then
        echo "CHROMIUM names $CHROMIUM, which is not a program." >&2
        exit 1
    fi
    echo "$CHROMIUM"
    exit 0
fi
find_one && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests…" >&2
    if apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2; then
        find_one && exit 0
    fi
fi
echo "The browser tests need Chromium: install it (Debian: apt install chromium; macOS: brew install chromium) or set CHROMIUM to its path." >&2
exit 1
