# make demo    set up (light dependencies only) and run docs/demo.sh in ./demo/
# make test    set up everything (torch, the ai and dev extras) and run all tests
# make check   lint, format and types, as continuous integration runs them
# make audiocraft  set up .venv-audiocraft (5.8 GB) and run the tests that need audiocraft there
# make docs    write docs/cli.md again
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

AUDIOCRAFT := .venv-audiocraft
AUDIOCRAFT_PIP := $(AUDIOCRAFT)/bin/python -m pip --disable-pip-version-check install --quiet --no-compile

.PHONY: demo test check docs clean audiocraft

demo: $(VENV)/.light
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh demo

test: $(VENV)/.full
	$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered --cov-fail-under=85

check: $(VENV)/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audiocraft: $(AUDIOCRAFT)/.full
	$(AUDIOCRAFT)/bin/python -m pytest tests/audiocraft

docs: $(VENV)/.full
	$(BIN)/python docs/build_cli.py
	$(BIN)/python docs/build_effects.py

clean:
	rm -rf $(VENV) $(AUDIOCRAFT) demo .coverage* .mypy_cache .pytest_cache .ruff_cache

# What an install compiles (hatch_build.py).
KERNELS := hatch_build.py $(wildcard beatflow/native/*.[ch])

$(VENV)/.light: pyproject.toml constraints.txt $(KERNELS)
	@echo "setting up $(VENV) (light dependencies)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/.full: pyproject.toml constraints.txt $(KERNELS)
	@echo "setting up $(VENV) (everything; torch takes a while)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) torch==2.13.0
	@$(PIP) --editable ".[ai,dev]"
	@touch $@ $(VENV)/.light

# audiocraft asks for torch 2.1.0 exactly, so it goes in last and without its requirements: docs/audiocraft.md.
$(AUDIOCRAFT)/.full: pyproject.toml constraints-audiocraft.txt
	@echo "setting up $(AUDIOCRAFT) (torch for CUDA, audiocraft; some minutes)"
	@test -x $(AUDIOCRAFT)/bin/python || $(PYTHON) -m venv $(AUDIOCRAFT)
	@$(AUDIOCRAFT_PIP) --constraint constraints-audiocraft.txt --editable ".[ai,audiocraft]" pytest hypothesis
	@$(AUDIOCRAFT_PIP) --no-deps audiocraft==1.3.0
	@touch $@
