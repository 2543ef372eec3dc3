# The front door. Each target does all its own set-up; `make` alone prints this list.
SHELL := /bin/bash
BIN := node_modules/.bin
NODE := $(BIN)/node --disable-warning=ExperimentalWarning
STAMP := node_modules/.installed

.PHONY: help check test build
help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

$(STAMP): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

check: $(STAMP) ## biome, types, import rules
	$(BIN)/biome check --error-on-warnings .
	$(BIN)/tsc -p .
	$(NODE) test/run.ts test/house/imports

test: $(STAMP) ## every test; installs the peers it needs when root
	@bash test/tools.sh
	$(NODE) test/run.ts $(ONLY)
