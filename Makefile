# Each target makes .venv and installs what it needs when that is missing: only Python >= 3.11 and make are assumed.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
# Half as many again as there are cores: many tests wait for a server or a process.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); n=$$((n + n / 2)); echo $$((n < 2 ? 2 : n > 8 ? 8 : n)))

EVAL_SETS := math_l5 gsm8k crux mmlu_pro alpaca_eval
EVAL_DATA ?= $(or $(wildcard $(EVAL_SETS:%=../shared/replay/%.jsonl.gz)),sample)
EVAL_OPTIONS ?= $(if $(filter sample,$(EVAL_DATA)),,--max-price 1.3 --max-models 8 --questions 400)

.DEFAULT_GOAL := help
.PHONY: help demo eval test lint format docs dist benchmark clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "lightrouter_graph needs Python 3.11 or newer"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed ## one routed, merged and billed answer, without a key
	$(BIN)/python examples/demo.py

eval: $(VENV)/.installed ## every method against every baseline, on recorded models (EVAL_DATA=files, EVAL_OPTIONS=...)
	for data in $(EVAL_DATA); do $(BIN)/lightrouter eval run $$data $(EVAL_OPTIONS) || exit 1; done

test: $(VENV)/.installed ## the whole suite (TESTS=path for a part)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup $(TESTS)

lint: $(VENV)/.installed ## ruff, mypy --strict, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.installed ## let ruff rewrite what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.installed ## the pages of docs/ as a site in .site/; warnings are errors
	$(BIN)/python docs/mkdocs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --config-file docs/mkdocs/mkdocs.yml
	@echo "open .site/index.html, or with search: python -m http.server --directory .site"

dist: $(VENV)/.installed ## sdist and wheel in dist/, checked as an upload would be
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*

benchmark: $(VENV)/.installed ## speed ratios, measured side by side
	for f in tests/benchmarks/bench_*.py; do echo "== $$f"; $(BIN)/python $$f || exit 1; done

clean: ## remove the environment and the caches
	rm -rf $(VENV) .site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
