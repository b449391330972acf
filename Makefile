# make demo    set up (light dependencies only) and run docs/demo.sh in ./demo/
# make test    set up everything (torch, the ai and dev extras) and run all tests
# make check   lint, format and types, as continuous integration runs them
# make docs    write docs/cli.md again
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test check docs clean

demo: $(VENV)/.light
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh demo

test: $(VENV)/.full
	$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered --cov-fail-under=85

check: $(VENV)/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.full
	$(BIN)/python docs/build_cli.py

clean:
	rm -rf $(VENV) demo .coverage* .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.light: pyproject.toml constraints.txt
	@echo "setting up $(VENV) (light dependencies)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/.full: pyproject.toml constraints.txt
	@echo "setting up $(VENV) (everything; torch takes a while)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) torch==2.13.0
	@$(PIP) --editable ".[ai,dev]"
	@touch $@ $(VENV)/.light
