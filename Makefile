# The first module is what others build into their collectors. What it does not need is in modules of
# its own beside it. Every tool is pinned in internal/tools/go.mod.
TOOL := go tool -modfile=$(CURDIR)/internal/tools/go.mod
MODULES := . bench cmd/otelcol-session deploy e2e examples/shop internal/tools
# No commit in the binary: the same sources give the same bytes, also without git.
GOBUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w"

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the collector, bin/otelcol-session.
	@mkdir -p bin
	cd cmd/otelcol-session && $(GOBUILD) -o ../../bin/otelcol-session .

.PHONY: run
run: build ## Build, replay the recorded telemetry and show what is found, then listen for OTLP.
	@bin/otelcol-session demo

.PHONY: test
test: build ## Run every test. Installs Debian's Prometheus and Alertmanager where they are missing.
	@scripts/peers
	@scripts/test

.PHONY: check
check: test ## Run every test, the linters, tidy-check, and each fuzz test for a while (FUZZTIME, 30s).
	@scripts/check

.PHONY: soak
soak: build ## Hold the engine against the naive reference on 10,000,000 random histories, and kill the collector 100 times.
	cd e2e && SESSION_KILLS=$(or $(KILLS),100) go test -count=1 -timeout 1h -v -run '^TestKill$$' .
	SESSION_HISTORIES=$(or $(HISTORIES),10000000) GOGC=400 go test -count=1 -timeout 12h -v -run '^(TestVerdictsAreMeaning|TestLateFacts)$$' ./internal/session

.PHONY: bench
bench: build ## Run the benchmarks beside the peers' components. BENCH chooses some, by a pattern.
	cd bench && go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -cpu 1,2 -timeout 60m
	$(if $(BENCH),,cd bench && go run ./cmd/wholeprocess && go run ./cmd/wholeprocess -of session_console)

.PHONY: mutate
mutate: ## Change the engine in a thousand small ways and count the changes that its tests notice.
	@mkdir -p bin
	ulimit -v 3145728; SESSION_QUICK=1 SESSION_HISTORIES=$(or $(SESSION_HISTORIES),1000) GOMEMLIMIT=1GiB \
		GOFLAGS='-count=1 -vet=off -ldflags=-s' $(TOOL) gremlins unleash --workers $(or $(WORKERS),2) \
		--exclude-files '^sessiontest/' --timeout-coefficient 4 --threshold-efficacy 90 --output bin/mutants.json ./internal/session

.PHONY: lint
lint: ## Run the linters over what we write.
	@scripts/lint $(MODULES)

.PHONY: tidy-check
tidy-check: ## Check that each module's go.mod and go.sum have what it needs, and no more.
	@failed=0; for module in $(MODULES); do (cd $$module && go mod tidy -diff) || \
		{ echo "$$module: go.mod or go.sum is out of date: run make generate and commit what it changes" >&2; failed=1; }; done; exit $$failed

.PHONY: fmt
fmt: ## Format what we write.
	$(TOOL) golangci-lint fmt

.PHONY: generate
generate: ## Generate anew what comes from metadata.yaml files and from builder-config.yaml.
	go generate ./...
	scripts/page
	cd deploy && go generate ./...
	$(TOOL) builder --config builder-config.yaml --skip-compilation
	cd cmd/_builder && mv components.go main_others.go main_windows.go go.mod go.sum ../otelcol-session
	rm -r cmd/_builder
	@set -e; for module in $(MODULES); do (cd $$module && go mod tidy); done
