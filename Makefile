# Two commands on a fresh machine with Python 3.11+ and make: `make demo`, `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
LOCKS  := requirements/runtime.lock requirements/otel.lock requirements/mcp.lock requirements/embeddings.lock requirements/dev.lock
PATHS  := core connectors webhook_app.py
ALL    := $(PATHS) tests bench demo deploy docs

# Bytecode is kept even where the shell forbids it: the suite starts hundreds of processes, and each would compile all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo setup install test suite check fmt bench soak docs pictures lock locks env zendesk-app manifests wheel

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## the whole product on this machine, no account needed (ARGS=--once: play the story and print it)
	@$(BIN)/backstop demo $(ARGS)

setup: $(VENV)/.runtime ## set up for a help desk of yours, in the browser
	@$(BIN)/backstop setup $(ARGS)

install: $(VENV)/.runtime ## the program for use: then .venv/bin/backstop …
	@echo "Backstop is installed. Next: $(BIN)/backstop setup (in the browser) or $(BIN)/backstop init (here), or make demo"

test: ## lint, types, import rules, the whole suite (ARGS="-k word": some of it)
	@$(MAKE) --no-print-directory -j 2 check suite

# Three processes on two cores: a third of the time a test waits, for a process, a browser or a database.
suite: $(VENV)/.dev ## the whole suite alone
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

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
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "open site/index.html"

pictures: $(VENV)/.dev ## the README's pictures, taken of the running demo (needs chromium)
	PYTHONPATH=. $(BIN)/python docs/pictures.py

zendesk-app: $(VENV)/.runtime ## the sidebar app for Zendesk, as a zip (ARGS="--host backstop.example.com")
	@$(BIN)/python deploy/zendesk-app/build.py dist/backstop-zendesk-app.zip $(ARGS)

env: $(VENV)/.runtime ## write what the code says of itself into .env.example, README.md and docs/
	@$(BIN)/python docs/reference.py

wheel: $(VENV)/.dev ## the program as one wheel, into dist/ (then: pipx run --spec dist/backstop-….whl backstop demo)
	@$(BIN)/hatchling build -t wheel -d dist

manifests: ## render the Helm chart into deploy/kubernetes.yaml (needs helm)
	@{ echo '# The chart as Helm renders it with its default values, for those who use kubectl alone: `make manifests`'; \
		helm template backstop deploy/helm/backstop --kube-version 1.30; } > deploy/kubernetes.yaml

# The lock files name versions and hashes, never an index. uv keeps what is pinned unless told to upgrade
# (UPGRADE=--upgrade). pyproject.toml holds the only list of what is wanted.
lock: ## pin the dependencies of pyproject.toml again (needs uv; UPGRADE=--upgrade for newer ones)
	uv pip compile pyproject.toml $(LOCK) -o requirements/runtime.lock
	uv pip compile pyproject.toml --extra otel $(LOCK) -o requirements/otel.lock
	uv pip compile pyproject.toml --extra mcp $(LOCK) -o requirements/mcp.lock
	uv pip compile pyproject.toml --extra embeddings $(LOCK) -o requirements/embeddings.lock
	uv pip compile pyproject.toml --group dev $(LOCK) -o requirements/dev.lock
LOCK = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(UPGRADE)

# tests/test_locks.py proves that the lock files are complete; this proves that both ends of pip take them as they are.
locks: ## try the lock files with the oldest and the newest pip (nothing is installed)
	@for pip in 'pip==23.2.1' pip; do rm -rf build/pip && $(PYTHON) -m venv build/pip && \
		build/pip/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "$$pip" && build/pip/bin/python -m pip --version && \
		build/pip/bin/python -m pip install --quiet --dry-run --no-deps --require-hashes $(addprefix -r ,$(LOCKS)) || exit 1; \
	done; rm -rf build/pip

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Backstop needs Python 3.11 or newer; $(PYTHON) is older: make PYTHON=python3.12 …"; exit 2; }
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The checkout is put on the path instead of being installed: nothing has to be built.
$(BIN)/backstop: | $(BIN)/python
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "backstop.pth").write_text("$(CURDIR)\n")'
	@printf '#!%s\nfrom core.cli import main\n\nmain()\n' '$(CURDIR)/$(BIN)/python' > $@ && chmod +x $@

# Nothing is resolved: a lock file is the whole list, and `pip check` says so afterwards. The word FAILED stands for pip's exit code, which a pipe loses.
define install
@echo "Installing the packages of $<: a minute or two"
@{ $(PIP) install --no-deps --require-hashes --progress-bar off -r $< 2>&1 || echo FAILED; } | awk ' \
	/^(Collecting|Processing)/ && ++n % 20 == 0 {print "  " n " packages fetched"; fflush()} \
	/^Installing collected/ {print "  " n " packages fetched, writing them to $(VENV)"; fflush()} \
	/^(ERROR|FAILED)/ {failed = 1} failed {print} END {exit failed}'
@$(PIP) check
endef

$(VENV)/.runtime: requirements/runtime.lock | $(BIN)/backstop
	$(install)
	@touch $@

$(VENV)/.dev: requirements/dev.lock | $(BIN)/backstop
	$(install)
	@touch $@ $(VENV)/.runtime
