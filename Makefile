# Two commands matter: `make demo` and `make test`. Both set up what they need in one virtual environment;
# stamp files in it remember what is done, so that a second call is quick.

PYTHON ?= python3
VENV ?= .venv
FILE ?=
PYTEST_ARGS ?=
JOBS ?= 2
MODEL_DIR ?= runs/model
RECIPE_ARGS ?=
EXPORT_ARGS ?=
PROBE_ARGS ?=
QUICK_TESTS = tests --ignore=tests/train --ignore=tests/benchmarks --ignore=tests/losses

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

RUN := $(VENV)/bin/python
CORE := edgeecg/_core.abi3.so
SOURCES := setup.py edgeecg/_core.pyx edgeecg/_core_heads.pxi $(shell find csrc/include csrc/src -name '*.[ch]')
PIP_INSTALL = $(RUN) tools/install.py -c constraints.txt

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: $(VENV)/.stamp-$(if $(FILE),demo-io,demo)  ## embed a real recording (or FILE=...) into out/
	@$(MAKE) -s --no-print-directory core
	@$(RUN) -m edgeecg demo $${FILE:+"$$FILE"}

test: $(VENV)/.stamp-test  ## run the tests, JOBS=2 at once (PYTEST_ARGS=... is passed on; EDGEECG_DATA names real recordings)
	@$(MAKE) -s --no-print-directory core
	$(RUN) -m pytest -n $(JOBS) --dist loadfile --durations=10 -m "not slow" $(PYTEST_ARGS)

test-slow: $(VENV)/.stamp-test  ## run the tests that take longer than a few seconds each: `make test` leaves them out
	@$(MAKE) -s --no-print-directory core
	$(RUN) -m pytest -n $(JOBS) --dist loadfile --durations=10 -m slow $(PYTEST_ARGS)

test-quick: $(VENV)/.stamp-quick  ## run the tests of edgeecg/ and csrc/ alone, without torch: under two minutes
	@$(MAKE) -s --no-print-directory core
	$(RUN) -m pytest -n $(JOBS) --dist loadfile -m "not slow" $(QUICK_TESTS) $(PYTEST_ARGS)

sanitize: $(VENV)/.stamp-test  ## run the tests on a core with address and undefined-behavior sanitizers
	@EDGEECG_SANITIZE=1 $(RUN) setup.py -q build --build-lib build/sanitize --build-temp build/sanitize-objects
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  $(RUN) -m pytest --capture=sys -o "pythonpath=build/sanitize ." --ignore=tests/train --ignore=tests/losses \
	  --ignore=tests/test_firmware.py --ignore=tests/test_packaging.py $(PYTEST_ARGS)  # those run programs that the preload would break

MINUTES ?= 5

fuzz: $(VENV)/.stamp-test  ## fuzz the C core, MINUTES=5 for each target (needs clang-14), and the readers
	@$(MAKE) -s --no-print-directory core
	$(RUN) tools/fuzz_c.py --minutes $(MINUTES)
	$(RUN) tools/fuzz_readers.py --minutes $(MINUTES)

torture: $(VENV)/.stamp-test  ## kills, full disks, threads, forks, thirty days of signal: half an hour (needs clang-14 and root)
	@$(MAKE) -s --no-print-directory core
	$(RUN) -m pytest -m torture tests/torture $(PYTEST_ARGS)

parity: $(VENV)/.stamp-test  ## random recordings through every engine, MINUTES=5 (EDGEECG_DATA: real ones too)
	@$(MAKE) -s --no-print-directory core
	$(RUN) tools/parity.py --minutes $(MINUTES) $${EDGEECG_DATA:+--data "$$EDGEECG_DATA"}

mutants: $(VENV)/.stamp-test  ## how many of 300 small faults in the C core do the tests find?
	$(RUN) tools/mutate_c.py

coverage: $(VENV)/.stamp-test  ## the conditions of the C core that the tests take (needs clang-14 and llvm-14)
	$(RUN) tools/c_coverage.py

bench: $(VENV)/.stamp-test  ## compare with the other runtimes, in one table
	@$(MAKE) -s --no-print-directory core
	$(RUN) -m pytest benchmarks --benchmark-only $(PYTEST_ARGS)

bench-peers: $(VENV)/.stamp-test  ## the same with LiteRT, OpenVINO and torch int8, which it first sets up under .cache/
	@$(MAKE) -s --no-print-directory core
	-$(RUN) -m benchmarks.peers
	$(RUN) -m pytest benchmarks --benchmark-only --peers $(PYTEST_ARGS)

bench-track: $(VENV)/.stamp-test  ## add this commit's speed to docs/results/speed_history.jsonl; fails where it fell
	@$(MAKE) -s --no-print-directory core
	$(RUN) -m pytest benchmarks/test_inference.py benchmarks/test_recordings.py --benchmark-only --nets edge,m1,m2,m3 --speed-json .cache/speed.json -q
	$(RUN) -m benchmarks.track .cache/speed.json

C_FILES = $(shell git ls-files '*.[ch]')

lint: $(VENV)/.stamp-lint  ## check style, types and imports: ruff, mypy, import-linter, clang-format
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/clang-format --dry-run -Werror $(C_FILES)

format: $(VENV)/.stamp-lint  ## bring all files into that style
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format
	$(VENV)/bin/clang-format -i $(C_FILES)

core: $(CORE)  ## compile the C core in place when a source is newer

docs: $(VENV)/.stamp-docs  ## build the documentation into build/site; fails where a link or a reference is broken
	@$(MAKE) -s --no-print-directory core
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet

wheel: $(VENV)/.stamp-base  ## build dist/*.whl
	@rm -rf build/lib* build/bdist*  # what setuptools left there would go into the wheel, deleted modules included
	$(RUN) -m pip -q wheel --no-deps --no-build-isolation --wheel-dir dist .

model: $(VENV)/.stamp-test  ## train and export the default encoder, from where it was stopped: MODEL_DIR (runs/model), RECIPE_ARGS=... (EDGEECG_DATA: recordings, train/prepare.py)
	@$(MAKE) -s --no-print-directory core
	@test -n "$$EDGEECG_DATA" || { echo "edgeecg: set EDGEECG_DATA to the folder of recordings (docs/training.md)" >&2; exit 1; }
	$(RUN) train/recipe.py --data "$$EDGEECG_DATA" --seed 1 --out $(MODEL_DIR) $(if $(wildcard $(MODEL_DIR)/config.json),--resume) $(RECIPE_ARGS)
	$(RUN) train/export.py $(MODEL_DIR)/encoder.safetensors --data "$$EDGEECG_DATA" --name default -o $(MODEL_DIR) $(EXPORT_ARGS)
	$(RUN) train/evaluate.py --model $(MODEL_DIR)/default.eecg --float $(MODEL_DIR)/encoder.safetensors --json $(MODEL_DIR)/probes.json --markdown $(MODEL_DIR)/probes.md $(PROBE_ARGS)
	$(RUN) train/studies/write_model_card.py $(MODEL_DIR)/default.eecg --probes $(MODEL_DIR)/probes.json

probes: $(VENV)/.stamp-test  ## what a linear probe finds in the installed model (EDGEECG_DATA: recordings)
	@$(MAKE) -s --no-print-directory core
	@$(PIP_INSTALL) pycatch22
	$(RUN) train/evaluate.py --model default --baselines random random_mean_max hrv catch22 minirocket

clean:  ## remove what was built and the virtual environment
	rm -rf $(VENV) build dist out edgeecg.egg-info edgeecg/_core*.so

$(CORE): $(SOURCES) | $(VENV)/.stamp-base
	@echo "edgeecg: compiling the C core"
	@$(RUN) setup.py -q build_ext --inplace

$(VENV)/.stamp-base: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "edgeecg: needs Python 3.11 or newer, '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true): name one with make PYTHON=python3.11" >&2; exit 1; }
	@echo "edgeecg: virtual environment $(VENV) (kept for the next call)"
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV) || { \
	  echo "edgeecg: '$(PYTHON) -m venv' failed: on Debian and Ubuntu install it with apt-get install python3-venv" >&2; exit 1; }
	@$(PIP_INSTALL) 'setuptools>=77' 'cython>=3.1' wheel
	@touch $@

# torch first, and by itself: which build it is decides between minutes and gigabytes
$(VENV)/.stamp-torch: $(VENV)/.stamp-base tools/torch_build.py
	@requirement=$$($(RUN) tools/torch_build.py constraints.txt) && $(PIP_INSTALL) "$$requirement"
	@touch $@

$(VENV)/.stamp-test: $(VENV)/.stamp-torch

# .stamp-demo installs the extra `demo`, .stamp-demo-io the extras `demo` and `io`, .stamp-test the extra `test`.
comma := ,
$(VENV)/.stamp-%: $(VENV)/.stamp-base pyproject.toml
	@echo "edgeecg: compiling the C core and installing what 'make $(firstword $(MAKECMDGOALS))' needs"
	@$(PIP_INSTALL) --no-build-isolation -e '.[$(subst -,$(comma),$*)]'
	@touch $@

firmware: $(VENV)/.stamp-test  ## run the C core on emulated microcontrollers, in one table (needs Debian's cross compilers and QEMU)
	@$(MAKE) -s --no-print-directory core
	$(RUN) -m benchmarks.firmware --write docs/results/firmware.md

.PHONY: firmware fuzz torture parity mutants coverage help demo lint format test test-slow test-quick sanitize bench bench-peers bench-track core docs wheel clean model probes
