# `make app`, `make demo` and `make test` set everything up in .venv by themselves and are quick the
# second time. PYTHON chooses the interpreter; by default the first of these that is 3.10 to 3.12.
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.10 python; do \
	$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test

# Each worker loads the face model and the studio itself, so more workers than cores only cost time.
TEST_WORKERS ?= 2

.PHONY: app demo test lint bench clean

app: $(READY)
	$(BIN)/python app.py

demo: $(READY)
	@$(BIN)/python scripts/demo.py

test: lint
	$(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile

lint: $(READY_TO_TEST)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "vortex_lp needs Python 3.10, 3.11 or 3.12; install one, or say" \
		"where it is: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' || { echo \
		"$(PYTHON) is not Python 3.10, 3.11 or 3.12; give another one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual" \
		"environments; on Debian and Ubuntu install it: sudo apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# torch comes first and alone, so that its CPU build is taken where one is offered.
$(READY): pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV); the first time this takes a few minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch>=2.6,<=2.13.0"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(READY_TO_TEST): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@

clean:
	rm -rf $(VENV) out
