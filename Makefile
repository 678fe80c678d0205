# Two commands on a fresh machine with Python 3.11+ and make: `make demo`, `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
PATHS  := core connectors webhook_app.py
ALL    := $(PATHS) tests bench demo deploy docs

.DEFAULT_GOAL := help
.PHONY: help demo install test check fmt bench soak docs lock env zendesk-app manifests

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## the whole product on this machine, no account needed (ARGS=--once: play the story and print it)
	@$(BIN)/backstop demo $(ARGS)

install: $(VENV)/.runtime ## the program for use: then .venv/bin/backstop …

test: check ## lint, types, import rules, the whole suite (ARGS="-k word": some of it)
	$(BIN)/pytest -n 2 $(ARGS)

# ruff's S rules are bandit's, on every file; bandit itself adds what ruff does not port, from medium severity up.
check: $(VENV)/.dev ## lint, format, types, import rules, security rules
	$(BIN)/ruff check $(wildcard $(ALL))
	$(BIN)/ruff format --check $(wildcard $(ALL))
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -c pyproject.toml -r $(wildcard $(PATHS) demo deploy docs)

fmt: $(VENV)/.dev ## put the code into shape
	$(BIN)/ruff check --fix $(wildcard $(ALL))
	$(BIN)/ruff format $(wildcard $(ALL))

bench: $(VENV)/.dev ## what is measured: every script of bench/ by itself (BENCH=receiver: one)
	@for script in $(if $(BENCH),bench/$(BENCH).py,$(sort $(wildcard bench/*.py))); do \
		echo "== $$script"; $(BIN)/python $$script $(ARGS) || exit 1; done

soak: $(VENV)/.dev ## the long durability tests
	$(BIN)/pytest -m soak $(ARGS)

docs: $(VENV)/.dev ## the documentation site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open site/index.html"

zendesk-app: $(VENV)/.runtime ## the sidebar app for Zendesk, as a zip (ARGS="--host backstop.example.com")
	@$(BIN)/python deploy/zendesk-app/build.py dist/backstop-zendesk-app.zip $(ARGS)

env: $(VENV)/.runtime ## write what the settings classes say into .env.example and README.md
	@$(BIN)/python docs/reference.py

manifests: ## render the Helm chart into deploy/kubernetes.yaml (needs helm)
	@{ echo '# The chart as Helm renders it with its default values, for those who use kubectl alone: `make manifests`'; \
		helm template backstop deploy/helm/backstop --kube-version 1.30; } > deploy/kubernetes.yaml

# The lock files name versions and hashes, never an index. uv keeps what is pinned unless told to upgrade
# (UPGRADE=--upgrade). pyproject.toml holds the only list of what is wanted.
lock: ## pin the dependencies of pyproject.toml again (needs uv; UPGRADE=--upgrade for newer ones)
	uv pip compile pyproject.toml $(LOCK) -o requirements.lock
	uv pip compile pyproject.toml --extra otel $(LOCK) -o requirements-otel.lock
	uv pip compile pyproject.toml --group dev $(LOCK) -o requirements-dev.lock
LOCK = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(UPGRADE)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Backstop needs Python 3.11 or newer; $(PYTHON) is older: make PYTHON=python3.12 …"; exit 2; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The checkout is put on the path instead of being installed: nothing has to be built.
$(BIN)/backstop: | $(BIN)/python
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "backstop.pth").write_text("$(CURDIR)\n")'
	@printf '#!%s\nfrom core.cli import main\n\nmain()\n' '$(CURDIR)/$(BIN)/python' > $@ && chmod +x $@

$(VENV)/.runtime: requirements.lock | $(BIN)/backstop
	$(PIP) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(BIN)/backstop
	$(PIP) -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime
