# Every target first brings this machine up to what the project needs; the second time that takes no time.

SCENARIO ?= leak
# Real runs of each cause, and the seed that draws them, for `make bench`.
RUNS ?= 5
SEED ?= 1
# So many files at a time of those tests that compute, then of those that wait for servers, each process with
# servers of its own: neither kind takes the other's time.
COMPUTING ?= 2
WAITING ?= 2
PYTHON := .venv/bin/python
# Workflows are imported anew for each incident: without bytecode each of them would be compiled anew as well.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench storm chaos lint mutations audit sbom

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: interpreter, locked packages, Debian packages
	@python3 -m deploy.setup

demo: setup ## Break a real pool and watch it healed (SCENARIO=leak, or another one of README.md; REALTIME=1, KEEP=1)
	@$(PYTHON) -m deploy.demo --scenario $(SCENARIO) $(if $(REALTIME),--realtime) $(if $(KEEP),--keep)

lint: setup ## Style, types and the direction of imports
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

test: lint ## Everything: lint, then all tests on the real stack
ifdef PYTEST
	$(PYTHON) -m pytest $(PYTEST)
else
	@status=0; \
	$(PYTHON) -m pytest -n $(COMPUTING) --dist loadfile tests/unit tests/replay || status=1; \
	$(PYTHON) -m pytest -n $(WAITING) --dist loadfile --no-loadscope-reorder tests/ports tests/workflow tests/e2e \
	  || status=1; \
	exit $$status
endif

bench: setup ## Break pools in many ways and count how often the cause is found (RUNS=5, SEED=1; 24 minutes on two cores)
	@$(PYTHON) -m bench.diagnosis --runs $(RUNS) --seed $(SEED)

mutations: setup ## Break every row of docs/runbook.md and guards, and see a test fail (PATTERN=… for some; 366 of them took 18 minutes, in halves side by side)
	@$(PYTHON) -m tests.mutations $(if $(PATTERN),'$(PATTERN)')

audit: setup ## Ask what is known of the locked packages; needs the network, and says so where there is no answer
	@$(PYTHON) -m deploy.supply.audit

sbom: setup ## Write the locked packages to var/sbom.json (CycloneDX)
	@$(PYTHON) -m deploy.supply.sbom

storm: setup ## Deliver far more alerts than anybody sends, and count what became of each (SEED=1; about 6 minutes)
	@$(PYTHON) -m bench.storm --seed $(SEED)

chaos: RUNS = 300
chaos: setup ## Break everything around incidents, at every step; judge each from outside (RUNS=300, SEED=1; 78 minutes on two cores with four sites)
	@python3 -m deploy.setup faketime
	@$(PYTHON) -m bench.chaos --runs $(RUNS) --seed $(SEED)
