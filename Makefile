PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
INSTALL := python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: help demo check-git test fuzz faults repro cluster verify published bench coverage audit lock install lint

help:
	@grep -E '^[a-z]+:.* # ' Makefile | sed -E 's/^([a-z]+):.* # /make \1: /'

demo: check-git install # the study on sample reviews, in demo/: some minutes; nothing else changes
	@python -m scripts.demo

check-git:
	@git rev-parse --git-dir >/dev/null || { echo "error: git does not work here, and dvc exp run needs it; in a" \
		"folder that is no clone: git init && git add -A && git -c user.name=me -c user.email=me@localhost commit -m start" >&2; exit 1; }
	@[ "$$(git rev-parse --is-shallow-repository)" = false ] || echo "note: in a shallow clone, DVC loses queued" \
		"experiments; git fetch --unshallow makes it whole" >&2
	@! git config --get-regexp '^remote\..*\.partialclonefilter$$' >/dev/null || echo "note: in a partial clone, dvc metrics" \
		"diff fails; clone again without --filter" >&2

test: install # the tests
	python -m pytest -n auto --dist worksteal -m 'not long'

fuzz: install # bad input by the thousand: a hundred times what the tests try
	python -m pytest tests/test_fuzz.py -n auto --hypothesis-profile thousands

faults: install # what goes wrong: twenty kills, full disks, a cluster's lost worker; and all tests that take minutes
	python -m pytest -n auto --dist worksteal -m 'long or fault' -rp

repro: check-git install # dvc repro, after repairs that DVC does not make: damaged stored files, what a kill has left
	python -m scripts.repro

cluster: check-git install # the same on several machines: make cluster SCHEDULER=tcp://HOST:8786 GPUS=1; without it, on this one
	python -m scripts.cluster $(if $(SCHEDULER),--scheduler $(SCHEDULER)) $(if $(GPUS),--gpus)

verify: check-git install # is the repository whole: lock files, DVC's cache, the reports made again, the links of the pages
	python -m scripts.verify
	python -m pytest -q tests/test_committed.py tests/test_pages.py tests/test_readme.py

published: check-git install # the published figures as a revision: dvc metrics diff published
	python -m scripts.published

bench: install # what docs/speed.md says, measured beside what one would write instead: ten minutes on an idle machine
	PYTHONPATH=src:. python benchmarks/run.py

coverage: install # how often the report's intervals cover and its tests err, by simulation: some minutes
	PYTHONPATH=src python benchmarks/interval_coverage.py

audit: install # the installed packages against the database of known vulnerabilities; needs a network
	$(INSTALL) '.[maintain]'
	pip-audit --local --skip-editable

lock: install # the newest versions that pyproject.toml allows, into constraints.txt; needs a network
	$(INSTALL) '.[maintain]'
	uv pip compile --quiet --universal --python-version 3.11 --upgrade --all-extras --no-annotate --no-header \
		--output-file .venv/constraints.txt pyproject.toml
	grep -vE '^(cuda-|nvidia-|triton==|pip==)' .venv/constraints.txt >constraints.txt # each build of torch names its own

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { echo "error: $(PYTHON) is" \
		"not Python 3.11 to 3.14, which the packages are for; run: make install PYTHON=python3.13" >&2; exit 1; }
	@echo "installing into .venv: some minutes, some GB"
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[test]'
	@touch .venv/installed

lint: install # ruff and mypy
	ruff format --check .
	ruff check .
	mypy
	mypy --platform darwin src stages extensions
	mypy --platform win32 src stages extensions
