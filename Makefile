# Every target makes what it needs: a virtual environment in .venv with the project in it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help demo test test-fast lint format clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Forgehand needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { echo 'python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Installing into $(VENV) (about 830 MB once, most of it the Claude Code binary and the grammars of 160 languages) ...'
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(STAMP) ## watch the main job happen: label an issue, get a pull request
	@$(BIN)/forgehand demo $(ARGS)

test: $(STAMP) ## the whole suite
	@$(BIN)/python -m pytest $(ARGS)

test-fast: $(STAMP) ## the unit tests, on all cores
	@$(BIN)/python -m pytest -n auto -m 'not slow' $(ARGS)

lint: $(STAMP) ## ruff, mypy --strict and the architecture's arrows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## remove the environment and what a run left behind
	rm -rf $(VENV) .forgehand .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
