# Every target sets itself up in .venv, from nothing but Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STACKS := $(if $(STACK),--stack $(STACK))
# What is compiled is kept: every command begins sooner.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: preview diff test test-cluster test-engine test-browser picture lab lint docs bench lock schema golden doctor rotate drill tools clean

preview: $(VENV)/ready ## What `pulumi up` would create in both regions (or STACK=primary): printed, and written to build/
	@$(RUN) -m offline $(STACKS)

diff: $(VENV)/ready ## What changes in both regions since BASE=main, and what is risky about it; JSON=file writes it there too
	@$(RUN) -m offline.diff.since $(or $(BASE),main) $(if $(JSON),--json $(JSON))

doctor: $(VENV)/ready ## Whether the world sees what the primary (or STACK=backup) deployed: DNS, hosts, certificates, blocklists
	@$(RUN) -m doctor $(STACKS)

rotate: $(VENV)/ready ## The next step of every DKIM key's life, once DNS shows the one before it
	@$(RUN) -m rotate $(STACKS)

drill: $(VENV)/ready ## Rehearse a restore in the backup region (or STACK=primary), and show what it says
	@$(RUN) -m drill $(STACKS)

test: $(VENV)/ready ## All tests that need nothing but Python
	@$(RUN) -m pytest --ignore tests/cluster --ignore tests/alerts --ignore tests/engine --ignore tests/browser

test-cluster: tools ## What a real API server, Velero, S3 and Prometheus say; needs Go, and some minutes once
	@$(RUN) -m pytest --dist loadfile tests/cluster tests/alerts

test-engine: $(VENV)/ready policy/.venv/ready ## What the real Pulumi engine does; skipped without `pulumi` on the PATH
	@$(RUN) -m pytest --dist loadfile tests/engine

test-browser: $(VENV)/ready ## What a browser makes of the page of a preview; skipped without Chromium
	@$(RUN) -m pytest --dist loadfile tests/browser

picture: $(VENV)/ready ## The picture of that page in docs/pictures/, anew
	@REMAKE_PICTURE=1 $(RUN) -m pytest -n 0 tests/browser/test_page.py -k pictures

lab: tools ## Two regions on this machine to play with, until Ctrl-C
	@$(RUN) -m tests.cluster.lab

tools: $(VENV)/ready .tools/crds ## What test-cluster and lab need, built by Go and fetched from Go modules
	@$(RUN) -m tests.cluster.programs

.tools/crds: tests/cluster/crds.txt
	@echo "Fetching the definitions of other people's objects" >&2
	@$(PYTHON) -m tests.cluster.crds $@

lint: $(VENV)/lint-ready ## Style and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/basedpyright
	@$(VENV)/bin/zizmor --offline --no-progress --quiet .github/workflows

docs: $(VENV)/docs-ready ## The site of the documentation, to build/site/
	@rm -rf build/site
	@$(VENV)/bin/sphinx-build --quiet --fail-on-warning --nitpicky --conf-dir docs --doctree-dir build/doctrees . build/site
	@! grep -rnoE '(<(script|img|iframe|source)[^>]* src=|<link[^>]* href=|@import |url\()["'"'"']?(https?:)?//[^"> ]*' build/site
	@echo "Written to build/site/index.html"

bench: $(VENV)/ready ## Time and memory of a preview and of record sets alone, by number of domains
	@$(RUN) -m offline.bench
	@$(RUN) -m offline.bench_records

golden: $(VENV)/ready ## The golden files of the tests anew: read the difference before you commit it
	@$(RUN) -m tests.golden
	@$(RUN) -m tests.golden.regions

schema: $(VENV)/ready ## What is made from the types: schema, tables, reference and drawings of docs/, catalogue files
	@$(RUN) -m offline.generated

LOCK := $(VENV)/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 \
	--custom-compile-command "make lock"

lock: ## The files of exact versions, from pyproject.toml
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv==0.13.8
	@$(LOCK) pyproject.toml --extra doctor --extra test --output-file requirements.txt
	@$(LOCK) pyproject.toml --extra lint --extra aws --constraint requirements.txt --output-file requirements-lint.txt
	@$(LOCK) pyproject.toml --extra docs --constraint requirements.txt --output-file requirements-docs.txt
	@$(LOCK) pyproject.toml --constraint requirements.txt --output-file components/requirements.txt
	@$(LOCK) --group policy --output-file policy/requirements.txt

clean: ## Remove what the other targets made
	@rm -rf build .tools $(VENV) policy/.venv .pytest_cache .hypothesis .ruff_cache

$(VENV)/ready: requirements.txt
	@echo "Setting up $(VENV) (once; about a minute)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it with PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $@

$(VENV)/docs-ready: requirements-docs.txt $(VENV)/ready
	@echo "Adding what docs needs to $(VENV) (once)" >&2
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-docs.txt
	@touch $@

policy/.venv/ready: policy/requirements.txt
	@echo "Setting up policy/.venv (once)" >&2
	@$(PYTHON) -m venv policy/.venv
	@policy/.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement policy/requirements.txt
	@touch $@

$(VENV)/lint-ready: requirements-lint.txt $(VENV)/ready
	@echo "Adding what lint needs to $(VENV) (once)" >&2
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-lint.txt
	@touch $@
