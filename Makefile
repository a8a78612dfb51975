# Everything runs in .venv; only `make system` touches the machine (apt, root).
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=


.PHONY: help setup setup-dev system services demo test check docs bench simulate chaos mutants lock clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | column -t -s $$'\t'

setup: .venv/.runtime ## the virtual environment with what medmost needs to run
setup-dev: .venv/.dev ## the same with what tests and checks need

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.runtime: requirements.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.venv/.dev: requirements-dev.txt .venv/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

system: ## Debian packages (root): GOST engine, Chromium, PostgreSQL, RabbitMQ
	bash .ci/system

demo: setup ## the stand, the sync and the console; ARGS="--once --people 1000 --seed 7" runs once
	$(BIN)/python -m medmost.cli.demo $(ARGS)

test: setup-dev ## all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup-dev ## ruff, mypy --strict, floors, dependencies, generated documents
	$(BIN)/ruff check src tests benchmarks tools docs
	$(BIN)/ruff format --check src tests benchmarks tools docs
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/python docs/build.py --check

docs: setup-dev ## the documentation, into site/
	$(BIN)/python docs/build.py
	$(BIN)/mkdocs build --quiet --strict

services: setup ## private PostgreSQL, RabbitMQ and Kafka on free ports; ARGS="start", "env" or "stop"
	$(BIN)/python tools/services.py $(ARGS)

bench: setup-dev ## what a record costs, beside the ceiling; ARGS="--only NAME --json FILE"
	$(BIN)/python -m benchmarks $(ARGS)

chaos: setup-dev ## medmost killed again and again; ARGS="--kills N --seconds S --seed N", or ARGS=--faults: each fault of the stand in turn
	PYTHONPATH=tests $(BIN)/python -m flows.chaos $(ARGS)

simulate: setup-dev ## the whole engine between two simulated systems; ARGS="--seconds 600 --seed N", --kills, --planted, --stepped, --day
	PYTHONPATH=tests $(BIN)/python -m simulation $(ARGS)

mutants: setup-dev ## every small change to the pure heart must be noticed by its tests; ARGS="merge identity --jobs 2"
	PYTHONPATH=tests $(BIN)/python -m mutants $(ARGS)

lock: setup-dev ## fresh hashed locks (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml build-requirements.in -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements.txt --group dev -o requirements-dev.txt
clean:
	rm -rf .venv site build dist
