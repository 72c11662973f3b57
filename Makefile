# Brainscan: everything that is run from a checkout. `make` alone says what there is.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-slow fuzz e2e test-cockroach lint lint-python lint-types lint-templates lint-imports \
        lint-migrations lint-js format bench lock clean

VENV ?= .venv
PY := $(VENV)/bin/python
# More for pytest, as in: make test ARGS="tests/uploads -x"
ARGS ?=
UPGRADE ?=

help: ## this list
	@echo "Brainscan. What make can do:"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do printf '%-24s %s\n' "$$name" "$$what"; done

# ---------------------------------------------------------------- running

run: $(VENV)/.running ## serve on http://127.0.0.1:8000 (PORT=... for another), worker included; Ctrl-C stops
	@exec $(PY) tools/run.py

# ---------------------------------------------------------------- testing

test: $(VENV)/.testing ## the tests
	@$(PY) -m pytest -n 2 $(ARGS)

test-slow: $(VENV)/.testing ## the tests that take minutes
	@$(PY) -m pytest -m "slow and not e2e" $(ARGS)

# Seconds of each coverage-guided target (two for each of four kinds of file), and broken files of each property.
FUZZ_SECONDS ?= 30
FUZZ_EXAMPLES ?= 5000

fuzz: $(VENV)/.fuzzing ## break files by the thousand and see that every reader answers (FUZZ_SECONDS=600 for longer)
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(PY) -m pytest tests/fuzz $(ARGS)
	@for kind in dicom nifti picture zip; do \
	    $(PY) -m tests.fuzz read $(FUZZ_SECONDS) $$kind && $(PY) -m tests.fuzz deidentify $(FUZZ_SECONDS) $$kind || exit 1; \
	 done

e2e: $(VENV)/.browsing node_modules/.installed ## the journeys in a real browser (Chromium)
	@$(PY) -m pytest -m e2e tests/e2e $(ARGS)

test-cockroach: $(VENV)/.testing ## the tests on the CockroachDB engine: COCKROACH_URL's server, else a PostgreSQL stand-in
	@$(PY) -m tests.cockroach -m pytest $(ARGS)

bench: $(VENV)/.browsing ## measure speed and memory, write docs/performance.md
	@$(PY) -m bench $(ARGS)

# ---------------------------------------------------------------- checking

lint: lint-python lint-imports lint-migrations lint-templates lint-js lint-types ## every check of the code itself

lint-python: $(VENV)/.developing
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check

lint-types: $(VENV)/.developing
	@$(PY) -m mypy $(wildcard brainscan detection ml tests bench tools manage.py)

# djlint's formatter is not used: it puts space inside inline elements, which shows on the page.
lint-templates: $(VENV)/.developing
	@$(PY) -m djlint templates --lint --quiet

lint-imports: $(VENV)/.developing
	@$(VENV)/bin/lint-imports --no-logo

lint-migrations: $(VENV)/.developing
	@BRAINSCAN_HOME=$$(mktemp -d) && export BRAINSCAN_HOME && trap 'rm -rf "$$BRAINSCAN_HOME"' EXIT && \
	 $(PY) manage.py makemigrations --check --dry-run && $(PY) manage.py check

ifneq ($(shell command -v npm),)
lint-js: node_modules/.installed
	@node_modules/.bin/biome ci
	@node_modules/.bin/tsc --project tsconfig.json
else
lint-js:
	@echo "npm is not installed: JavaScript and CSS were not checked."
endif

format: $(VENV)/.developing ## put the code in its form, mend what tools can mend
	@$(PY) -m ruff check --fix --quiet || true
	@$(PY) -m ruff format
	@if [ -x node_modules/.bin/biome ]; then node_modules/.bin/biome check --write; fi

# ---------------------------------------------------------------- what the above need

# The newest Python that TensorFlow has a build for comes last, so that a person's own python3 wins.
define find_python
for python in "$$PYTHON" python3 python3.13 python3.12 python3.11; do \
    [ -n "$$python" ] || continue; \
    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue; \
    found="$$python"; \
    "$$python" -c 'import ensurepip, venv' 2>/dev/null && break; \
    found=""; bare="$$python"; \
done; \
if [ -z "$$found" ] && [ -n "$$bare" ]; then \
    echo "Brainscan needs Python's venv module, and $$bare lacks it. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
fi; \
if [ -z "$$found" ]; then \
    echo "Brainscan needs Python 3.11, 3.12 or 3.13, and none of them is installed (python3 here: $$(command -v python3 >/dev/null && python3 --version 2>&1 || echo none))." >&2; \
    echo "Install one, or name one: make run PYTHON=/path/to/python3.12" >&2; exit 1; \
fi
endef
export PYTHON

PIP_INSTALL := $(PY) -m pip install -qq --disable-pip-version-check --no-input --require-hashes

# A stamp is made last and only when its step worked: a broken-off step starts again next time.
$(VENV)/.made:
	@$(find_python); echo "Making $(VENV) with $$($$found --version)."; \
	 rm -rf $(VENV) && "$$found" -m venv $(VENV) && touch $@

$(VENV)/.running: $(VENV)/.made requirements.txt
	@echo "Installing what Brainscan needs (about a minute, the first time)."
	@$(PIP_INSTALL) -r requirements.txt && touch $@

$(VENV)/.testing: $(VENV)/.running requirements-test.txt
	@$(PIP_INSTALL) -r requirements-test.txt && touch $@

$(VENV)/.browsing: $(VENV)/.testing requirements-e2e.txt
	@$(PIP_INSTALL) -r requirements-e2e.txt && touch $@

# atheris has no build for every Python: without it the coverage-guided part says so and is left out.
$(VENV)/.fuzzing: $(VENV)/.testing requirements-fuzz.txt
	@$(PIP_INSTALL) -r requirements-fuzz.txt || echo "atheris has no build for this Python." >&2
	@touch $@

$(VENV)/.developing: $(VENV)/.browsing requirements-dev.txt
	@$(PIP_INSTALL) -r requirements-dev.txt && touch $@

# `npm ci` wants a lock entry for every system's build, which not every registry has; this keeps to the lock as well.
node_modules/.installed: package.json package-lock.json
	@npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@

# ---------------------------------------------------------------- upkeep

UV_LOCK := uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 --generate-hashes \
           --no-annotate --no-header --no-emit-index-url --no-config

lock: $(VENV)/.developing ## write requirements*.txt from requirements*.in (UPGRADE=1: newest versions)
	@for part in "" -test -e2e -dev -bench -fuzz; do \
	    $(VENV)/bin/$(UV_LOCK) requirements$$part.in --output-file requirements$$part.txt || exit 1; \
	 done
	@npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error

clean: ## remove what make installed (not var/, where scans are)
	@rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .cache
	@find . -name __pycache__ -type d -prune -not -path './var/*' -exec rm -rf {} +
