# The front door. Each target does all its own set-up; `make` alone prints this list.
SHELL := /bin/bash
BIN := node_modules/.bin
NODE := $(BIN)/node --disable-warning=ExperimentalWarning
STAMP := node_modules/.installed

.PHONY: help demo test check build fuzz soak bench schemas
help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

$(STAMP): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@# npm 9, as Debian has it, leaves this one link out.
	@[ -x $(BIN)/node ] || ln -sf ../node-linux-$$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')/bin/node $(BIN)/node
	@touch $@

demo: $(STAMP) ## the whole story on simulated devices: three operators, a PLC, the gate between them; checks itself
	@$(NODE) src/cli/main.ts demo

test: $(STAMP) ## every test; installs the peers it needs when root
	@bash test/tools.sh
	$(NODE) test/run.ts $(ONLY)

check: $(STAMP) ## biome, types, import rules
	$(BIN)/biome check --error-on-warnings .
	$(BIN)/tsc -p .
	$(NODE) test/run.ts test/house/imports

build: $(STAMP) ## dist/penstock.mjs: one file, no node_modules beside it
	$(BIN)/esbuild src/cli/main.ts --bundle --platform=node --target=node22 --format=esm --legal-comments=none --log-level=warning \
	  --external:@serialport/bindings-cpp --conditions=module,bundled --outfile=dist/penstock.mjs \
	  --banner:js='#!/usr/bin/env node'$$'\n''import { createRequire as penstockRequire } from "node:module"; const require = penstockRequire(import.meta.url);'
	@chmod 755 dist/penstock.mjs
	@ls -l dist/penstock.mjs

fuzz: $(STAMP) ## 10,000,000 guided inputs for each decoder, some time for each document; 1,000,000 decisions, compiled against explained
	$(NODE) test/fuzz/run.ts

MINUTES := 60
soak: build ## one hour (MINUTES=5: shorter) of 64 sessions, faults, reloads, renewals and kill -9 on the file that ships; every write accounted for
	$(NODE) test/soak/run.ts --minutes $(MINUTES) --program dist/penstock.mjs

bench: build ## start, inspection, evidence, added round trip and throughput against direct, haproxy and nginx in one run; what is asked at its end
	@bash test/tools.sh bench
	$(NODE) bench/run.ts --program dist/penstock.mjs

schemas: $(STAMP) ## write policies/schema again from the code
	$(NODE) src/cli/schemas.ts
