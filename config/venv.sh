#!/bin/sh
# Makes .venv with the newest Python that fits and installs one requirements file into it, by hash.
# Does nothing when the file is the one installed last time. Usage: sh config/venv.sh requirements-embedded.txt
set -eu
requirements=$1
installed=".venv/installed-$(basename "$requirements")"

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
has_venv='import ensurepip, venv'

if [ ! -w . ]; then
    echo "The folder $(pwd) cannot be written to: copy Debrief to a folder of your own." >&2
    exit 1
fi
if cmp -s "$requirements" "$installed" && .venv/bin/python -c "$fits" 2>/dev/null; then
    exit 0
fi

if ! .venv/bin/python -c "$fits; import pip" 2>/dev/null; then
    python='' unusable=''
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        # A name may exist and still not run: version managers leave such stand-ins.
        "$candidate" -c "$fits" >/dev/null 2>&1 || continue
        if "$candidate" -c "$has_venv" >/dev/null 2>&1; then
            python=$candidate
            break
        fi
        unusable=${unusable:-$candidate}
    done
    if [ -z "$python" ] && [ -n "$unusable" ]; then
        version=$("$unusable" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "Python $version is here but without its venv module: install it (on Debian and Ubuntu: apt install python$version-venv)." >&2
        exit 1
    fi
    if [ -z "$python" ]; then
        echo "Debrief needs Python 3.11, 3.12 or 3.13, and none was found on the PATH." >&2
        exit 1
    fi
    echo "Making .venv with $("$python" --version)…"
    "$python" -m venv --clear .venv
fi

echo "Installing what $requirements names (a minute or two the first time)…"
rm -f "$installed"
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$requirements"; then
    echo "The packages could not be installed: the lines above say why (no way to the package index, most often)." >&2
    exit 1
fi
cp "$requirements" "$installed"
