# Holdfast. Type `make help`. Nothing needs to be installed or typed first, beyond make and a python3 of 3.11 or later.
#
# The environments are made here: .venv (the demo's packages, then the tests') and .venv-mitmproxy (the attacker's).
# Every package comes from a lock with hashes under requirements/, and as a wheel: nothing is built from source.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV ?= .venv
MITMPROXY_VENV ?= .venv-mitmproxy
BIN := $(VENV)/bin
# More words for pytest, such as ARGS="-k rollback -x".
ARGS ?=
# A checkout of theupdateframework/tuf-conformance, for `make conformance`.
SUITE ?=

say = @printf '\033[1m==>\033[0m %s\n'
PIP = $(1)/bin/python -m pip --quiet --disable-pip-version-check --no-input install --no-deps --only-binary :all: --require-hashes

##@ Use it

.PHONY: demo
demo: $(VENV)/.stamp-demo  ## Run the demonstration on real TLS: under 30 seconds, no root (ARGS=--json for a machine)
	@$(BIN)/holdfast demo $(ARGS)

.PHONY: conformance
conformance: $(VENV)/.stamp-dev  ## Run the TUF conformance suite: make conformance SUITE=path/to/tuf-conformance
	@scripts/conformance.sh "$(BIN)" "$(SUITE)" $(ARGS)

##@ Test it

.PHONY: test
test: test-setup  ## Run every test that this machine can run; what it cannot run is named (as root, Debian packages are installed)
	@scripts/test.sh "$(BIN)" $(ARGS)

.PHONY: test-fast
test-fast: $(VENV)/.stamp-dev  ## Run the tests without those that are slow or that measure
	@$(BIN)/python -m pytest -q -m "not slow and not serial" $(ARGS)

.PHONY: test-all-pythons
test-all-pythons: $(VENV)/.stamp-dev  ## Run what depends on the interpreter on each of CPython 3.11, 3.12, 3.13 that is here
	@$(BIN)/python -m nox $(ARGS)

.PHONY: lint
lint: $(VENV)/.stamp-dev  ## ruff, mypy --strict and the import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: docs-check
docs-check: $(VENV)/.stamp-dev  ## Run the code blocks of README.md and docs/
	@$(BIN)/python -m pytest -q tests/architecture/test_documents.py $(ARGS)

.PHONY: mutation
mutation: $(VENV)/.stamp-dev  ## Break each check of core/ and trust/ in turn: every change must fail a test (up to 30 minutes)
	@$(BIN)/python -m tests.mutation $(ARGS)

.PHONY: bench
bench: $(VENV)/.stamp-dev  ## Measure, and write bench/out/summary.json and the table of docs/performance.md
	@$(BIN)/python -m bench $(ARGS)

##@ Keep it

.PHONY: format
format: $(VENV)/.stamp-dev  ## Let ruff format the code and fix what is safe to fix
	@$(BIN)/ruff check --fix-only . && $(BIN)/ruff format .

.PHONY: lock
lock: $(VENV)/.stamp-dev  ## Make the locks under requirements/ again (newest versions: ARGS=--upgrade)
	@scripts/lock.sh "$(BIN)" $(ARGS)

.PHONY: clean
clean:  ## Remove everything that this file made
	$(say) "removing environments, caches and reports"
	@rm -rf $(VENV) $(MITMPROXY_VENV) .nox .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis \
		.coverage .coverage.* htmlcov build dist bench/out
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: help
help:  ## Show this list
	@awk 'BEGIN { FS = ":.*  ## " } \
		/^##@ / { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } \
		/^[a-z-]+:.*  ## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

# --------------------------------------------------------------------------------------- how it is made

.PHONY: setup
setup: $(VENV)/.stamp-dev

.PHONY: test-setup
test-setup: $(VENV)/.stamp-dev $(MITMPROXY_VENV)/.stamp
	@scripts/debian-packages.sh

$(VENV)/.stamp-python:
	@scripts/make-venv.sh "$(VENV)"
	@touch $@

$(VENV)/.stamp-demo: $(VENV)/.stamp-python requirements/demo.txt pyproject.toml
	$(say) "installing what Holdfast needs into $(VENV) (requirements/demo.txt)"
	@$(call PIP,$(VENV)) -r requirements/demo.txt
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-demo requirements/dev.txt
	$(say) "installing what the tests need into $(VENV) (requirements/dev.txt)"
	@$(call PIP,$(VENV)) -r requirements/dev.txt
	@touch $@

$(MITMPROXY_VENV)/.stamp-python:
	@scripts/make-venv.sh "$(MITMPROXY_VENV)"
	@touch $@

$(MITMPROXY_VENV)/.stamp: $(MITMPROXY_VENV)/.stamp-python requirements/mitmproxy.txt
	$(say) "installing mitmproxy into $(MITMPROXY_VENV) (requirements/mitmproxy.txt)"
	@$(call PIP,$(MITMPROXY_VENV)) -r requirements/mitmproxy.txt
	@touch $@
