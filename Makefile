# Baton's targets; `make help` lists them. A fresh machine needs Go, git and make for all but the ones that say otherwise.
# Every recipe is plain sh. Tools of the project's own choosing are built from the Go module proxy into .cache/bin.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

MODULES := proto pkg services
PACKAGES := ./proto/... ./pkg/... ./services/...
BIN := $(CURDIR)/.cache/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
CONFIG ?= deploy/config/baton.yaml
DATA_DIR ?= data
# More flags for go test and for the demo, as in make test TESTFLAGS="-run Funnel -v".
TESTFLAGS ?=
DEMOFLAGS ?=
FUZZTIME ?= 20s
# What make chaos runs with.
SEED ?= $(shell date +%s)
CHAOS_EVENTS ?= 200000
CHAOS_MINUTES ?= 15
CHAOS_HANDOFFS ?= 100000
COMPOSE ?= $(shell if docker compose version >/dev/null 2>&1; then echo docker compose; else echo docker-compose; fi)

GENERATORS := $(BIN)/.generators
LINTER := $(BIN)/.linter

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: build ## build, and run everything in one process on embedded engines
	./bin/baton up --config $(CONFIG) --data-dir $(DATA_DIR)

.PHONY: build
build: ## build bin/baton
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/baton ./services/cmd/baton

.PHONY: test
test: ## run every test that needs nothing but Go: all three modules, embedded engines
	@echo '== building every package'
	@go build $(PACKAGES)
	@echo '== testing'
	@go test -timeout 9m $(TESTFLAGS) $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' $(PACKAGES))

.PHONY: test-integration
test-integration: needs-redis ## run the same suites against a real redis-server and a networked nats-server
	@echo "== testing against $$($${BATON_TEST_REDIS_SERVER:-redis-server} --version | cut -d' ' -f1-3), and nats-server built from its module"
	@go test -tags integration -timeout 9m $(TESTFLAGS) \
	  $$(go list -tags integration -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' $(PACKAGES))

.PHONY: needs-redis
needs-redis:
	@command -v "$${BATON_TEST_REDIS_SERVER:-redis-server}" >/dev/null || { \
	  echo 'This needs redis-server, 6.2 or later, on the PATH, or its path in BATON_TEST_REDIS_SERVER.'; \
	  echo '  Debian, Ubuntu: apt-get install redis-server     macOS: brew install redis     Fedora: dnf install redis'; \
	  exit 1; }

.PHONY: test-senders
test-senders: needs-node ## run the vendors' own SDKs, as npm has them, against a Baton that is restarted and killed while they send
	@echo "== testing with the SDKs in services/e2e/senders, on node $$(node --version)"
	@cd services/e2e/senders && { cmp -s package-lock.json node_modules/.installed || { npm ci --no-progress && cp package-lock.json node_modules/.installed; }; }
	@go test -count=1 -v -tags senders -timeout 9m -run Senders $(TESTFLAGS) ./services/e2e/

.PHONY: needs-node
needs-node:
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null || { \
	  echo 'This needs Node 20 or later and npm on the PATH.'; \
	  echo '  Debian, Ubuntu: apt-get install nodejs npm     macOS: brew install node     Fedora: dnf install nodejs'; \
	  echo '  Where the distribution is older: https://nodejs.org/en/download'; \
	  exit 1; }

.PHONY: chaos
chaos: needs-redis ## the crash tests at length (CHAOS_MINUTES, CHAOS_HANDOFFS, SEED): kills, pauses and lost stores at random moments
	BATON_CRASH_SEED=$(SEED) BATON_CRASH_EVENTS=$(CHAOS_EVENTS) \
	  go test -count=1 -v -timeout 1h -tags integration -run Crash $(TESTFLAGS) ./pkg/journal/
	BATON_VENDORS=1 BATON_CHAOS_SEED=$(SEED) BATON_CHAOS_MINUTES=$(CHAOS_MINUTES) BATON_FAIRNESS_HANDOFFS=$(CHAOS_HANDOFFS) \
	  go test -count=1 -v -timeout 24h -tags integration -run 'Crash|Chaos|TestVendors' $(TESTFLAGS) ./services/e2e/

.PHONY: bench
bench: ## measure speed, latency and memory, each beside the raw limit of this machine
	go test -count=1 -v -timeout 2h -run '^$$' -bench . -benchtime 1x $(TESTFLAGS) ./services/e2e/

.PHONY: demo
demo: build ## play a week of several hundred leads through Baton and print what became of one of them
	@go run ./services/internal/demo --binary bin/baton $(DEMOFLAGS)

.PHONY: fmt
fmt: $(LINTER) ## format the Go code
	@$(BIN)/golangci-lint fmt $(PACKAGES)

.PHONY: lint
lint: $(LINTER) ## run the linters, the import rules among them
	@$(BIN)/golangci-lint run $(PACKAGES)

.PHONY: generate
generate: $(GENERATORS) ## regenerate the code of the protos
	@cd proto && PATH="$(BIN):$$PATH" buf lint && PATH="$(BIN):$$PATH" buf generate

.PHONY: generate-check
generate-check: generate ## fail when committed generated code differs from what the protos give
	@git diff --exit-code --stat -- proto || { echo 'generated code is out of date: run make generate and commit'; exit 1; }
	@test -z "$$(git ls-files --others --exclude-standard -- 'proto/*.go')" || { \
	  git ls-files --others --exclude-standard -- 'proto/*.go'; echo 'generated code is not committed'; exit 1; }

.PHONY: mod-check
mod-check: ## build each module by itself and check that its go.mod is tidy
	@for m in $(MODULES); do \
	  echo "== $$m"; \
	  (cd $$m && GOWORK=off go build ./... && GOWORK=off go mod tidy -diff) || exit 1; \
	done

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (20s) each
	@grep -rl --include='*_test.go' '^func Fuzz' $(MODULES) | sort | while read -r f; do \
	  for t in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$f"); do \
	    echo "== $$(dirname "$$f") $$t"; \
	    go test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$f")" || exit 1; \
	  done; \
	done

.PHONY: compose-up
compose-up: .env ## build the image and run nats, redis and the four services in containers (needs docker)
	BATON_VERSION=$(VERSION) $(COMPOSE) up -d --build
	@echo 'Baton listens on http://127.0.0.1:8080; the tokens are in .env'

.PHONY: compose-down
compose-down: ## stop the containers; volumes, and so the journal, stay
	$(COMPOSE) down

.env:
	@umask 077; deploy/docker/make-env >.env.new && mv .env.new .env && echo 'wrote .env with new random tokens'

.PHONY: clean
clean: ## remove what was built; never the data directory
	rm -rf bin
	go clean -testcache

# Tools. A module file pins each set; the stamp is older than that file when a version changed.
$(GENERATORS): proto/tools/go.mod
	@mkdir -p $(BIN)
	cd proto/tools && GOWORK=off GOBIN=$(BIN) go install tool
	@touch $@

$(LINTER): proto/tools/lint/go.mod
	@mkdir -p $(BIN)
	@echo 'building the linter: some minutes, once'
	cd proto/tools/lint && GOWORK=off GOBIN=$(BIN) go install tool
	@touch $@
