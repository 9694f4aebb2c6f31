# Two commands for a fresh machine: `make train` and `make test`. Everything goes into .venv; nothing outside this folder is changed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: train test test-opencl lint smoke bench check-tools clean

train: $(VENV)/examples
	$(BIN)/python examples/train_images.py $(ARGS)

test: $(VENV)/test
	$(BIN)/python -m pytest tests $(ARGS)

# The OpenCL tests on all runtimes that need no GPU: PoCL, Intel's (0.8 GB), and the simulator, whose log must stay empty.
test-opencl: $(VENV)/intel
	$(BIN)/python -m pytest tests/opencl $(ARGS)
	$(BIN)/python tests/opencl/simulator.py

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' '*.cl')
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint flowcore
	$(BIN)/mypy

smoke: $(VENV)/examples
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/smoke.py

bench: $(VENV)/examples
	$(BIN)/python examples/benchmarks/compare.py $(ARGS)

# Names what is missing, with the command that installs it.
check-tools:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv python3-dev (Debian, Ubuntu), or see python.org"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version); choose one with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@command -v gcc >/dev/null || command -v clang >/dev/null || command -v cc >/dev/null || { echo "a C compiler is missing: apt-get install gcc"; exit 1; }
	@$(PYTHON) -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || { echo "Python's headers are missing: apt-get install python3-dev"; exit 1; }

SOURCES := pyproject.toml setup.py $(shell find flowcore opencl_kernels -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -not -name '_*.c' -o -name '*.h' -o -name '*.def' -o -name '*.cl')

$(VENV)/bin/python: | check-tools
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

# What the extras of pyproject.toml name, installed without building flowcore once more.
EXTRAS = $(BIN)/python -c 'import sys, tomllib; e = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; print("\n".join(r for n in sys.argv[1:] for r in e[n]))'

$(VENV)/examples: $(VENV)/installed
	$(EXTRAS) examples | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

$(VENV)/test: $(VENV)/installed
	$(EXTRAS) test examples | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

# Intel's wheel registers itself under a wrong path: its library is named to the loader that pyopencl brings.
$(VENV)/intel: $(VENV)/test
	$(BIN)/python -m pip install --quiet intel-opencl-rt intel-cmplr-lib-rt
	$(BIN)/python -c 'import importlib.util as u, pathlib, sys; (pathlib.Path(u.find_spec("pyopencl").submodule_search_locations[0]) / ".libs" / "intel.icd").write_text(sys.prefix + "/lib/libintelocl.so\n")'
	@touch $@

$(VENV)/dev: $(VENV)/installed
	$(EXTRAS) dev | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

clean:
	rm -rf build dist $(VENV) flowcore/*.so flowcore/kernels/*.so flowcore/_*.c *.egg-info
