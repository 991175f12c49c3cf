# make demo   a labelled portfolio, the whole night, a report (no GPU needed)
# make test   every test that runs on this machine
# make lint   style and types
# make bench  the speed table beside its peers
# make clean  remove the environment and what was built
#
# Needs Python 3.11 or 3.12 (PYTHON=... picks another one). The environment lives in .venv;
# env/*.txt pin every package in it.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.DEFAULT_GOAL := demo
.PHONY: demo test lint bench clean

demo: $(VENV)/.cpu
	$(BIN)/qfb demo

# A file of tests a process, the longest first (tests/conftest.py), one process a core; a kernel
# inside of one then keeps to its own core.
# A process that dies ends the run: pytest-xdist waits for ever when it replaces one under loadfile.
# A test that hangs fails after ten minutes; the longest takes one.
test: $(VENV)/.dev
	NUMBA_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder \
	  --max-worker-restart=0 --timeout=600 --timeout-method=thread $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.peers
	$(BIN)/python benchmarks/nightly.py --out out/bench $(BENCH_ARGS)

clean:
	rm -rf $(VENV) build dist out demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src kernels tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp file a set: a repeat installs nothing unless its lock file or pyproject.toml changed.
# The sets agree on every version they share, so one environment can hold them all.
$(VENV)/.created:
	@case "$(VERSION)" in 311|312) ;; *) \
	  echo "qfb_gpu needs Python 3.11 or 3.12, found '$(VERSION)' from '$(PYTHON)';" \
	    "install one and run: make PYTHON=/path/to/python3.11" >&2; exit 2;; esac
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.cpu $(VENV)/.dev $(VENV)/.peers: $(VENV)/.%: env/%-py$(VERSION).txt pyproject.toml $(VENV)/.created
	$(PIP) -r $<
	$(PIP) --no-deps --editable .
	@touch $@
