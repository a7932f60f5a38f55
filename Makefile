# Bare `make` lists the targets. Each works as the first command after a clone: it makes .venv from uv.lock, then runs.
.DEFAULT_GOAL := help
.PHONY: help install demo test check bench golden schemas lock prove prove-pairwise prove-bytes prove-crash prove-scan prove-seeds prove-harness chaos safety-case soak mutate drill

PY := .venv/bin/python
PACKAGES := schemas ledger market strategies portfolio execution_v2 analytics simulation flows
export UV_PYTHON_DOWNLOADS := never

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "  make %-15s %s\n", $$1, $$2}'

install: .venv/.installed ## make .venv, exactly as uv.lock says

.venv/.installed: uv.lock pyproject.toml tools/bootstrap.py
	@for p in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	  if $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	  then exec $$p tools/bootstrap.py; fi; \
	done; \
	echo "refused  no Python 3.11, 3.12 or 3.13 on PATH; nothing was installed" >&2; \
	echo "next     install one, or name it: make PYTHON=<interpreter> test" >&2; exit 2

demo: .venv/.installed ## a simulated quarter, told as tables, sealed twice alike
	.venv/bin/avwap demo

test: .venv/.installed ## every test, in a fixed environment and order (ARGS="tests/ledger -k seal" narrows it)
	$(PY) tests/run_tests.py $(ARGS)

check: .venv/.installed ## ruff, mypy --strict, import-linter, every test, and the safety case on what they came to
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --strict $(PACKAGES) tools tests
	.venv/bin/lint-imports
	$(PY) tests/run_tests.py
	$(PY) -m tools.safety_case --check

bench: .venv/.installed ## every benchmark, or ONLY=name; writes build/bench.json and docs/bench.md
	$(PY) -m tools.bench $(ONLY)

golden: .venv/.installed ## rewrite the goldens, listing file, JSON pointer, old and new
	$(PY) -m tools.golden

schemas: .venv/.installed ## export schemas/json from the models
	$(PY) -m tools.export_schemas

lock: .venv/.installed ## resolve pyproject.toml anew into uv.lock
	.venv/bin/uv lock

prove: .venv/.installed ## one day, one seal: all 54 of hash seed x zone x locale x directory
	$(PY) tests/run_tests.py --prove --all

prove-pairwise: .venv/.installed ## the same in nine runs that cover every pair of settings
	$(PY) tests/run_tests.py --prove

prove-bytes: .venv/.installed ## flip every byte of a sealed day, one at a time (a sample runs in make test)
	AVWAP_FULL=1 $(PY) tests/run_tests.py tests/ledger -k "byte or flip"

prove-crash: .venv/.installed ## die at every write, fsync, rename, index statement and broker call of days (a sample runs in make test)
	AVWAP_FULL=1 $(PY) tests/run_tests.py tests/chain tests/execution_v2 -k "crash"

prove-scan: .venv/.installed ## the pass over all days = each day's scan, every symbol of the real market (AT=dir: your own)
	$(PY) -m tools.prove_scan $(AT)

prove-seeds: .venv/.installed ## 1,000 seeds of five sessions under faults and crashes, 20 of them at full length
	$(PY) -m tools.soak

prove-harness: .venv/.installed ## plant bugs in the execution plane, one at a time: does a seed of the gate notice each?
	$(PY) -m tools.prove_harness

chaos: .venv/.installed ## the chaos gate: every scenario by name, the seeds, and the bugs planted for them to notice
	$(PY) tests/run_tests.py tests/chaos
	$(PY) -m tools.soak
	$(PY) -m tools.prove_harness

safety-case: .venv/.installed ## write docs/safety-case.md: each promise, its tests, what they last came to
	$(PY) -m tools.safety_case

soak: .venv/.installed ## the long one: SEEDS=100000 seeds, every slot of every session
	$(PY) -m tools.soak --only-full --seeds $(or $(SEEDS),100000)

mutate: .venv/.installed ## change lines of portfolio/ and the gates, 600 by a seed (ALL=1: every one): do tests notice?
	$(PY) -m tools.mutate $(if $(ALL),--all) $(if $(SURVIVORS),--survivors)

drill: .venv/.installed ## a fire drill with the evidence to keep: NAME=failover …; without NAME: which there are
	$(PY) -m tools.drill $(NAME)
