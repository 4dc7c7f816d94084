# Two commands do everything: `make benchmark` and `make test`. Both set up .venv on first use.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: benchmark test test-all lint types fidelity theory ablation bench-speed trained clean help

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

benchmark: $(STAMP)  ## all policies on all five pipelines under the four loads (results/)
	$(BIN)/ipa-gym benchmark --out results

lint: $(STAMP)   ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## mypy
	$(BIN)/mypy

test: lint types ## lint, types and the test suite (under six minutes on two cores)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-all: lint types ## also the tests marked slow
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow or not slow"

fidelity: $(STAMP)  ## the comparison with the paper's published runs (needs the real counts, see docs/fidelity.md)
	$(BIN)/python benchmarks/fidelity.py

theory: $(STAMP)    ## the simulator against queueing theory (docs/fidelity.md, docs/figures/theory_*)
	$(BIN)/python benchmarks/theory.py

ablation: $(STAMP)  ## the paper's predictor ablation (the real counts where they are at hand, else the trace bursty alone)
	$(BIN)/python benchmarks/ablation.py

bench-speed: $(STAMP)  ## how fast everything is, beside SimPy and Ciw (docs/performance.md; ten minutes on a quiet machine)
	$(BIN)/python benchmarks/speed.py

trained: $(STAMP)   ## train and judge the agents of agents/trained/, five seeds each (an hour on two cores)
	$(BIN)/python benchmarks/trained_agents.py

clean:           ## remove what the targets made
	rm -rf $(VENV) results dist build .pytest_cache .mypy_cache .ruff_cache
