# Two commands for a fresh machine: `make train` and `make test`. Everything goes into .venv; nothing outside this folder is changed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: train test test-opencl sanitize lint smoke bench docs wheel check-tools clean

train: $(VENV)/built $(VENV)/examples
	$(BIN)/python examples/train_images.py $(ARGS)

test: $(VENV)/built $(VENV)/test
	$(BIN)/python -m pytest tests -n auto --dist worksteal $(ARGS)

# The OpenCL tests on all runtimes that need no GPU: PoCL, Intel's (0.8 GB), and the simulator, whose log must stay empty.
test-opencl: $(VENV)/built $(VENV)/intel
	$(BIN)/python -m pytest tests/opencl $(ARGS)
	$(BIN)/python tests/opencl/simulator.py

# tests/engine, with the extensions built under each sanitizer. tests/sanitize.py runs other tests so.
sanitize: $(VENV)/built $(VENV)/test
	$(BIN)/python tests/sanitize.py address $(ARGS)
	$(BIN)/python tests/sanitize.py thread $(ARGS)

lint: $(VENV)/built $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' '*.cl')
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint flowcore
	$(BIN)/mypy

smoke: $(VENV)/built $(VENV)/examples
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/smoke.py

bench: $(VENV)/built $(VENV)/examples
	$(BIN)/python examples/benchmarks/compare.py $(ARGS)

# The documentation site, in site/. It reads the sources and needs nothing built.
docs: $(VENV)/docs
	$(BIN)/mkdocs build --strict --quiet

# dist/: the source distribution, and a wheel that is named after the oldest C library that it runs with (manylinux).
wheel: $(VENV)/built $(VENV)/wheel
	$(BIN)/python setup.py -q sdist
	$(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir build/wheel .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist build/wheel/flowcore-*.whl
	rm -r build/wheel

# Names what is missing, with the command that installs it.
check-tools:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv python3-dev (Debian, Ubuntu), or see python.org"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version); choose one with make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@command -v gcc >/dev/null || command -v clang >/dev/null || command -v cc >/dev/null || { echo "a C compiler is missing: apt-get install gcc"; exit 1; }
	@$(PYTHON) -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || { echo "Python's headers are missing: apt-get install python3-dev"; exit 1; }

SOURCES := setup.py $(shell find flowcore opencl_kernels -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -not -name '_*.c' -o -name '*.h' -o -name '*.def')

$(VENV)/bin/python: | check-tools
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# What building and running need: flowcore is built in this environment, where object files are kept, not in an isolated one.
REQUIRED = $(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); print("\n".join(p["build-system"]["requires"] + p["project"]["dependencies"]))'

$(VENV)/required: pyproject.toml | $(VENV)/bin/python
	$(REQUIRED) | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

$(VENV)/built: $(SOURCES) $(VENV)/required
	$(BIN)/python setup.py -q build_ext --inplace
	@touch $@

# The units are built in place already; pip would compile them all once more.
$(VENV)/installed: pyproject.toml flowcore/_version.py | $(VENV)/built
	FLOWCORE_ONLY=none $(BIN)/python -m pip install --quiet --no-build-isolation --no-deps -e .
	@touch $@

# What the extras of pyproject.toml name, installed without building flowcore once more.
EXTRAS = $(BIN)/python -c 'import sys, tomllib; e = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; print("\n".join(r for n in sys.argv[1:] for r in e[n]))'

$(VENV)/docs: pyproject.toml | $(VENV)/bin/python
	$(EXTRAS) docs | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

$(VENV)/examples: pyproject.toml | $(VENV)/installed
	$(EXTRAS) examples | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

$(VENV)/test: pyproject.toml | $(VENV)/installed
	$(EXTRAS) test examples | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

# Intel's wheel registers itself under a wrong path: its library is named to the loader that pyopencl brings.
$(VENV)/intel: $(VENV)/test
	$(BIN)/python -m pip install --quiet intel-opencl-rt intel-cmplr-lib-rt
	$(BIN)/python -c 'import importlib.util as u, pathlib, sys; (pathlib.Path(u.find_spec("pyopencl").submodule_search_locations[0]) / ".libs" / "intel.icd").write_text(sys.prefix + "/lib/libintelocl.so\n")'
	@touch $@

$(VENV)/dev: pyproject.toml | $(VENV)/installed
	$(EXTRAS) dev | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

$(VENV)/wheel: pyproject.toml | $(VENV)/installed
	$(EXTRAS) wheel | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@touch $@

clean:
	rm -rf build dist site $(VENV) flowcore/*.so flowcore/kernels/*.so flowcore/_*.c *.egg-info
