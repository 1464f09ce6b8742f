# The targets a person types. `make help` lists them. Everything lands in .venv, node_modules of a build folder and var/.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export YOLO_OFFLINE := 1
# Compiled modules are kept, also where the caller forbids it: each process would compile every import again (9 CPU-s a start).
export PYTHONDONTWRITEBYTECODE :=

BASE_STAMP := $(VENV)/.base-stamp
DEV_STAMP := $(VENV)/.dev-stamp
RUN_ARGS := $(if $(AIS),--ais "$(AIS)") $(if $(REGISTRY),--registry "$(REGISTRY)") $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(ONCE),--once) $(if $(SPEED),--speed $(SPEED))

.DEFAULT_GOAL := help
.PHONY: help setup fast run serve test test-fast check fmt bench soak lock train-env assets wheel newest-aiortc peers clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(BASE_STAMP) assets ## make the run environment and the static files
run: setup ## one ship from radio message to signed report, then the console [AIS= REGISTRY= PHOTOS= ONCE=1 SPEED=]
	@$(BIN)/yunjian run $(RUN_ARGS)
serve: setup ## the console alone, at 127.0.0.1:8000
	@$(BIN)/yunjian serve

test: dev peers assets ## everything that CI runs
	@$(BIN)/python tests/stages.py all
test-fast: dev assets ## the tests without Chromium and other peers, <= 4 minutes
	@$(BIN)/python tests/stages.py fast
check: dev ## formatting, lint, types, import direction
	@$(BIN)/python tests/stages.py check
fmt: dev ## format and mend what can be mended
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .
bench: dev assets ## the long benchmarks: ratios measured in one run, JSON in var/bench
	@$(BIN)/python tests/stages.py bench
soak: dev peers assets ## the long forms: mutation score, long fuzzing
	@$(BIN)/python tests/stages.py soak
wheel: dev assets ## the installable wheel, in dist/
	@$(UV) build -q --wheel --no-build-isolation --python $(BIN)/python

dev: $(DEV_STAMP)
.PHONY: dev

LOCK := $(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -q
lock: dev ## resolve the lock files anew: versions and hashes, no addresses
	@$(LOCK) requirements/build.in -o requirements/build.lock
	@$(LOCK) pyproject.toml --group dev -o requirements/dev.lock
	@$(LOCK) pyproject.toml -c requirements/dev.lock -o requirements/base.lock
	@$(LOCK) pyproject.toml --extra fast -c requirements/dev.lock -o requirements/fast.lock
	@$(UV) pip compile --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -q requirements/train.in -o requirements/train.lock

fast: setup ## compiled AIS decoding: numba, about 200 MB more
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/fast.lock

train-env: .venv-train/.stamp ## the training environment with torch (about 6 GB), apart from the product
.venv-train/.stamp: requirements/train.lock
	@test -x .venv-train/bin/python || $(PYTHON) -m venv .venv-train
	@.venv-train/bin/python -m pip install -q --require-hashes -r requirements/train.lock
	@touch $@

assets: $(BASE_STAMP) ## third-party scripts and styles, bundled from the npm lock into console/static/vendor
	@$(BIN)/python -m console.assets

newest-aiortc: dev ## the contract with aiortc on its newest release (needs a package index)
	@$(BIN)/python tests/newest.py

peers: ## real programs that the tests talk to (apt; needs root or sudo)
	@bash tests/peers.sh

$(VENV)/bin/uv: requirements/build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "YunJian needs Python 3.11 or newer" >&2; exit 5; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python cannot make an environment. Run: apt-get install -y python3-venv" >&2; rm -rf $(VENV); exit 5; }
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/build.lock 2>&1 | grep -v WARNING || true
	@test -x $@ && touch $@

$(BASE_STAMP): requirements/base.lock $(VENV)/bin/uv pyproject.toml
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/base.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): requirements/dev.lock $(BASE_STAMP)
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@

clean: ## remove what can be made again (never var/)
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis console/static/vendor
