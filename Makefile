# `make demo` and `make test` need nothing but Python 3.11 or newer with venv and pip.

PYTHON ?= python3
BIN := .venv/bin
PINS := requirements/dev.txt
# More arguments for pytest: make test ARGS="-k latency"
ARGS ?=
# The tests that `make coverage`, `make e2e` and `make timing` select.
SUITE :=

# All tests run in two workers; with ARGS in one process, which shows them as they run, and where --pdb works.
PYTEST := $(BIN)/python -m pytest
WORKERS := --numprocesses 2 --dist worksteal
# Tests that mostly wait for other programs. Each worker takes a second to find them.
MANY_WORKERS := --numprocesses 4 --dist worksteal
# A virtual environment of its own, for `make oldest`.
OLDEST := .venv-oldest
# More targets for `make check` to run beside its tests, the longest first.
BESIDE :=
# Targets for it to run while those tests that measure time mostly wait. They get what these leave of the processors.
IDLE :=
IDLY := $(if $(shell command -v chrt),chrt --idle 0,nice -n 19)

# The output of each target is printed in one piece, if make supports that.
BESIDE_EACH_OTHER := --no-print-directory --jobs 4 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

is_new_enough = $(shell $(PYTHON) -c 'import sys; print("yes" if sys.version_info >= (3, 11) else "")' 2>/dev/null)
its_version = $(shell $(PYTHON) --version 2>&1 | head -n 1)

# Some machines set it. Then each of a thousand programs that tests start would compile our modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: bench bench-quick bench-report bench-peers instructions help demo test check format setup clean deep
.PHONY: prove soak oldest static lint types layers modules coverage e2e timing

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

demo: .venv/runtime.stamp ## Set up, then watch a connection go bad and good again
	@$(BIN)/trixter demo

test: setup ## Set up, then run all the tests
	@$(PYTEST) $(SUITE) $(or $(ARGS),$(WORKERS))

# What measures time comes in the end: nothing competes with it then.
check: setup ## Everything a change must pass
	@$(MAKE) --no-print-directory static
	@$(MAKE) $(BESIDE_EACH_OTHER) coverage e2e $(BESIDE)
	@$(MAKE) $(BESIDE_EACH_OTHER) timing $(IDLE:%=idle-%)

idle-%:
	@$(IDLY) $(MAKE) --no-print-directory $*

format: setup ## Format the code and repair what the linter can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

setup: .venv/dev.stamp ## Make .venv with everything for development

clean: ## Remove .venv and all files of the tools
	rm -rf .venv $(OLDEST) build dist htmlcov .coverage .coverage.* .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

bench: setup ## Measure trixter beside its peers, in 20 to 25 minutes
	@$(BIN)/python -m benchmarks

bench-quick: setup ## The same in about a minute, to see that it runs
	@$(BIN)/python -m benchmarks --quick

bench-report: setup ## Print the table and draw the chart of the last full run
	@$(BIN)/python -m benchmarks --report

instructions: setup ## Count user instructions with callgrind: of a new connection, and of a message
	@$(BIN)/python -m benchmarks.instructions

bench-peers: ## Install the peers into benchmarks/peers (cargo, go, Debian); a peer that fails is left out
	-cargo install --quiet --root benchmarks/peers trixter --version 0.1.1
	-GOBIN=$(CURDIR)/benchmarks/peers/bin go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0
	-command -v haproxy >/dev/null || apt-get install -qq haproxy >/dev/null

prove: ## Prove that the tests are green: on a busy machine, in any order, on every Python
	@$(PYTHON) scripts/prove_green.py $(ARGS)

soak: setup ## Sustained load: checked traffic for two minutes, while every setting changes
	@$(BIN)/python scripts/soak.py $(ARGS)

deep: setup ## Search for new counterexamples in the faults, for a long time
	@HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest --timeout=0 tests/faults $(ARGS)

static: setup ## Part of check: all that needs no tests, in parallel
	@$(MAKE) $(BESIDE_EACH_OTHER) lint layers types modules

oldest: $(OLDEST)/stamp ## Run the tests with the oldest versions that pyproject.toml allows
	@# schemathesis needs newer ones, the scripts' tools are not installed, and timing does not depend on versions.
	@$(OLDEST)/bin/python -m pytest --ignore tests/api/test_schemathesis.py --ignore tests/scripts \
		-m "not timing" $(or $(ARGS),$(WORKERS))

lint: setup ## Part of check: format and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: setup ## Part of check: types
	@$(BIN)/mypy --num-workers 2

layers: setup ## Part of check: imports point inwards
	@$(BIN)/lint-imports --no-logo

modules: setup ## Part of check: each fault is covered by its own tests
	@$(BIN)/python scripts/module_coverage.py

coverage: setup ## Part of check: make test but for the end-to-end tests, with branch coverage
	@$(BIN)/coverage erase
	@$(MAKE) --no-print-directory test PYTEST="$(BIN)/coverage run -m pytest" SUITE='-m "not e2e and not packaging"'
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

# They talk to other programs at their own speed: without coverage, which slows them down, and many in parallel.
e2e: setup ## Part of check: the end-to-end tests but for those that measure time, and the pages
	@$(MAKE) --no-print-directory test SUITE='-m "e2e and not timing" tests/docs tests/e2e' WORKERS="$(MANY_WORKERS)"

timing: setup ## Part of check: the end-to-end tests that measure time, one after another
	@$(MAKE) --no-print-directory test SUITE='-m "e2e and timing" tests/e2e' WORKERS=

# Two stamps, so that the demo need not wait for the development tools.
.venv/runtime.stamp: pyproject.toml $(PINS)
	$(if $(is_new_enough),,$(error trixter needs Python 3.11 or newer, but $(PYTHON) is: $(its_version) (choose another one with PYTHON=...)))
	@echo "Setting up .venv (only when the dependencies change) ..."
	@$(PYTHON) -m venv .venv
	@scripts/install .venv -c $(PINS) hatchling editables
	@# Without isolation the build uses the pinned hatchling, not the newest.
	@scripts/install .venv -c $(PINS) --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/runtime.stamp
	@echo "Installing the development tools ..."
	@scripts/install .venv -r $(PINS)
	@touch $@

.PHONY: dist binary packaging setup-packaging

dist: .venv/packaging.stamp ## Build the sdist and the wheel into dist/
	@$(BIN)/python scripts/dist.py

binary: .venv/packaging.stamp ## Build dist/trixter: one file, which needs no Python
	@$(BIN)/pyinstaller --noconfirm --log-level WARN --distpath dist --workpath build/binary scripts/trixter.spec
	@ls -l dist/trixter

setup-packaging: .venv/packaging.stamp ## Install the packaging tools

packaging: setup-packaging ## Part of CI: build the archives, the one file and the image, and use them
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m packaging tests/packaging $(ARGS)

# A third stamp: most changes need none of these tools.
.venv/packaging.stamp: .venv/dev.stamp requirements/packaging.txt
	@echo "Installing the packaging tools ..."
	@scripts/install .venv -c $(PINS) -r requirements/packaging.txt
	@touch $@

.PHONY: docs docs-picture setup-docs

docs: .venv/docs.stamp ## Build the documentation into build/docs; a warning is a failure
	@$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -d build/doctrees docs build/docs
	@# Links between the pages are checked by the build. Others are listed, since nothing is fetched.
	@grep -rhoE --include='*.html' 'href="https?://[^"#]+' build/docs | cut -c7- | sort -u >build/external-links.txt
	@echo "build/docs/index.html"

docs-picture: setup ## Draw docs/demo.svg anew, from a run of the demo
	@$(BIN)/python scripts/demo_picture.py

setup-docs: .venv/docs.stamp ## Install the documentation's tools

.venv/docs.stamp: .venv/dev.stamp requirements/docs.txt
	@echo "Installing the documentation's tools ..."
	@scripts/install .venv -c $(PINS) -r requirements/docs.txt
	@touch $@

$(OLDEST)/stamp: pyproject.toml $(PINS) scripts/oldest.py
	@echo "Installing the oldest versions allowed ..."
	@$(PYTHON) -m venv $(OLDEST)
	@$(OLDEST)/bin/python scripts/oldest.py >$(OLDEST)/requirements.txt
	@scripts/install $(OLDEST) -r $(OLDEST)/requirements.txt
	@scripts/install $(OLDEST) -r $(OLDEST)/requirements.txt --no-build-isolation -e .
	@touch $@
