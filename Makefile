# Two commands matter: `make run` starts Debrief on this machine, `make test` checks all of it.
.DEFAULT_GOAL := help
.PHONY: help run env test check format lock bench bench-live bench-meeting bench-jira bench-coach bench-export coach-report soak jira-mutants soak-live services services-stop venv venv-dev static static-check

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header pyproject.toml
# Where `make services` keeps servers for tests; export it to make plain pytest use them.
DEBRIEF_TEST_SERVICES_DIR ?= $(CURDIR)/var/test-services

help:  ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/make \1 - \2/p' $(MAKEFILE_LIST)

run: venv  ## Start Debrief on this machine, with its own Postgres and Redis, until Ctrl-C
	@exec $(PYTHON) -m config.run

env:  ## Print the settings of the Debrief that runs here, for a shell to evaluate
	@$(PYTHON) -m config.run env

test: venv-dev  ## Run every check and every test, browser tests included
	@CHROMIUM=$$(sh config/chromium.sh) && export CHROMIUM && \
		$(MAKE) --no-print-directory check && exec $(PYTEST) -n 2 --dist worksteal

check: venv-dev  ## Lint, types, import contracts, templates, settings, migrations
	@sh config/check.sh

format: venv-dev  ## Put Python into the house's shape
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: venv-dev  ## Write the three requirements files from pyproject.toml
	$(LOCK) --extra embedded --extra pdf --extra dev -o requirements-dev.txt
	$(LOCK) --extra embedded --constraint requirements-dev.txt -o requirements-embedded.txt
	$(LOCK) --extra pdf --constraint requirements-dev.txt -o requirements.txt

bench: venv-dev  ## Measure the pages over a large organisation, and print the figures
	@exec $(PYTHON) -m tests.bench

bench-live: venv-dev  ## Measure the live text beside Hocuspocus, and print the figures
	@CHROMIUM=$$(sh config/chromium.sh) && export CHROMIUM && exec $(PYTHON) -m tests.bench.live

jira-mutants: venv-dev  ## Break the synchronisation with Jira one rule at a time; each time a test must notice
	@exec $(PYTEST) -m mutants tests/actions/jira/test_mutants.py

bench-meeting: venv-dev  ## Hold a meeting of twenty screens; how soon is a captured line on each of them?
	@exec $(PYTHON) -m tests.bench.meeting

bench-jira: venv-dev  ## Count the requests the synchronisation needs of a Jira that takes 100 ms for each
	@exec $(PYTHON) -m tests.bench.jira

bench-export: venv-dev  ## Take everything out and in again; does memory stay flat?
	@exec $(PYTHON) -m tests.bench.portable

bench-coach: venv-dev  ## Measure the coach on a section, four pages, and up to a megabyte
	@exec $(PYTHON) -m tests.bench.coach

coach-report: venv-dev  ## Print how often each rule of the coach is right, and what it misses
	@exec $(PYTHON) -m tests.coach.measure

soak: venv-dev  ## Run the tests that take minutes
	@CHROMIUM=$$(sh config/chromium.sh) && export CHROMIUM && exec $(PYTEST) -m soak

soak-live: venv-dev  ## Write in fifty documents for an hour; does memory grow, do logs stay short?
	@exec $(PYTHON) -m tests.bench.soak

services: venv-dev  ## Keep servers for tests running, so that pytest starts at once
	@$(PYTHON) -m tests.kept start $(DEBRIEF_TEST_SERVICES_DIR)
	@echo "export DEBRIEF_TEST_SERVICES_DIR=$(DEBRIEF_TEST_SERVICES_DIR)"

services-stop:  ## Stop them
	@$(PYTHON) -m tests.kept stop $(DEBRIEF_TEST_SERVICES_DIR)

venv:
	@sh config/venv.sh requirements-embedded.txt

venv-dev:
	@sh config/venv.sh requirements-dev.txt

# -- Static files (needs Node; the built files are committed, so running Debrief does not) ------------------------------

static: node_modules/.package-lock.json  ## Build static/dist
	npm run build

static-check: node_modules/.package-lock.json  ## Prove that static/dist is what a rebuild makes
	@npm run --silent check

# Not `npm ci`: it refuses where the registry lacks packages for other systems, which are optional. Versions and
# checksums are those of the lock file either way.
node_modules/.package-lock.json: package-lock.json
	@npm install --no-save --ignore-scripts --silent && touch $@
