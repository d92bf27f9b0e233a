#!/bin/sh
# `make check`: every check that is not a test. All of them run; it fails if any found something.
set -u
failed=''

run() {
    echo "· $*"
    "$@" || failed="$failed
  $*"
}

run .venv/bin/ruff check --quiet .
run .venv/bin/ruff format --quiet --check .
run .venv/bin/mypy
run .venv/bin/lint-imports --no-logo
run .venv/bin/djlint --quiet --lint templates

# Settings as in production, but for their secrets; neither command reaches a database.
SECRET_KEY=$(.venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(50))')
DATABASE_URL=postgres://debrief@localhost/debrief
REDIS_URL=redis://localhost:6379/0
BASE_URL=https://debrief.example.org ALLOWED_HOSTS=debrief.example.org TRUSTED_PROXY_COUNT=1
STATIC_ROOT=$(mktemp -d)
trap 'rm -rf "$STATIC_ROOT"' EXIT
export SECRET_KEY DATABASE_URL REDIS_URL BASE_URL ALLOWED_HOSTS TRUSTED_PROXY_COUNT STATIC_ROOT
unset DEBUG HTTP_ONLY
run .venv/bin/python manage.py check --deploy --fail-level WARNING
run .venv/bin/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

if [ -f package.json ] && command -v npm >/dev/null 2>&1; then
    run make --no-print-directory static-check
fi

if [ -n "$failed" ]; then
    echo "Something was found by:$failed" >&2
    exit 1
fi
echo "All checks passed."
