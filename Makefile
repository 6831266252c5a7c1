# The two commands of the README: `make demo` and `make test`. Both install what they need first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
SOURCES := $(shell find src -name '*.ts' -o -name '*.mjs' 2>/dev/null) tsconfig.json rolldown.config.mjs package.json

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: build system ## start a cluster and show registration, discovery and load balancing; KEEP=1 leaves it up
	@bin/kubesvc demo $(if $(KEEP),--keep)

test: build system system-test ## lint, types, unit tests, then everything that needs a kernel, etcd or kubectl
	npm run --silent lint
	npm run --silent typecheck
	npm run --silent test
	npm run --silent test:integration

build: dist/.built ## compile to dist/
dist/.built: node_modules/.installed $(SOURCES)
	@rm -rf dist && npm run --silent build && touch $@

node_modules/.installed: package.json
	npm install --no-audit --no-fund
	@touch $@

system: ## install the Debian packages that running needs (as root; otherwise say what is missing)
	@scripts/system-packages.sh run

system-test: ## the same for the tests: etcd, dig, a C library's getent
	@scripts/system-packages.sh test

system-ipvs: ## the same for `npm run test:ipvs`: an emulator, and what its guest runs
	@scripts/system-packages.sh ipvs

bench: build ## run a benchmark: make bench NAME=startup
	npm run bench -- $(NAME)

coverage: build ## unit tests with coverage
	npm run coverage

clean: ## remove what the build made
	rm -rf dist coverage

.PHONY: help demo test build system system-test system-ipvs bench coverage clean
