# Everything that is done to this repository is a target here. `make` lists them.

GO        ?= go
# Without a tag the time of the commit stands in its place, so that a later build has
# a higher version, from a shallow clone too: Splunk wants one for the upgrade of an app.
VERSION   ?= $(shell git describe --tags --dirty 2>/dev/null || \
  { at=$$(TZ=UTC git show -s --format=%cd --date=format-local:%Y%m%d%H%M%S HEAD 2>/dev/null) && echo "v0.0.0-$$at-g$$(git describe --always --exclude '*' --dirty)"; } || echo dev)
FUZZTIME  ?= 20s
TESTFLAGS ?=
E2E       ?= ^TestEndToEnd
RUNS      ?= 200
CHAOS     ?=

# The go command's ... never looks into testdata, where two small packages lie.
DATA_PKGS = $(addprefix ./,$(sort $(patsubst %/,%,$(dir $(shell find testdata -name '*.go')))))
PKGS      = ./... $(DATA_PKGS)

# The linter is pinned and built by this machine's Go, so that everybody gets
# the same findings. The version is in the file's name: a new one is built anew.
LINT_VERSION = v2.15.0
TOOLS        = $(CURDIR)/.cache/bin
LINT         = $(TOOLS)/golangci-lint-$(LINT_VERSION)

.DEFAULT_GOAL := help
.PHONY: help build demo fetch test race check fmt fmt-diff tidy-diff vet lint fuzz bench e2e mirror chaos mutations appinspect pysigma spl-engine dashboards clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build static binaries into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/auditlog-forwarder ./cmd/auditgen

demo: ## show the main job on embedded stand-ins: Kafka, an outage, a reconciliation
	@$(GO) run ./cmd/auditdemo

# A test that cannot run here (no Java, no systemd) writes one line into the
# file that AUDITLOG_SKIP_LOG names. `go test` hides skips; this shows them
# last, in a box, and under CI=true they are a failure.
define go-test
@log=$$(mktemp) && trap 'rm -f "$$log"' EXIT && status=0 && \
AUDITLOG_SKIP_LOG="$$log" $(GO) test $(1) $(TESTFLAGS) $(PKGS) || status=$$?; \
if [ -s "$$log" ]; then \
	printf '\n+%s\n' '---------------------------------------------------------------------------'; \
	echo '| NOT ALL TESTS RAN. These did not:'; \
	sort -u "$$log" | sed 's/^/|   /'; \
	printf '+%s\n' '---------------------------------------------------------------------------'; \
	if [ "$${CI:-}" = true ]; then echo 'CI=true: a test that does not run is a failure'; exit 1; fi; \
fi; \
exit $$status
endef

test: ## run every test, with a real Apache Kafka too (needs Java and Maven)
	$(call go-test,-timeout=30m)

race: ## run the tests under the race detector, in random order, without the long runs
	$(call go-test,-race -shuffle=on -short -timeout=20m)

check: fmt-diff tidy-diff vet lint race ## everything a change must pass beside `make test`

fmt: $(LINT) ## format the code
	$(LINT) fmt . $(DATA_PKGS)

fmt-diff: $(LINT)
	$(LINT) fmt --diff . $(DATA_PKGS)

tidy-diff:
	$(GO) mod tidy -diff

vet:
	$(GO) vet $(PKGS)

lint: $(LINT) ## run golangci-lint with .golangci.yml
	$(LINT) run $(PKGS)

$(TOOLS)/golangci-lint-%:
	@echo 'building golangci-lint $*; once, a few minutes'
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$*
	@mv $(TOOLS)/golangci-lint $@

fetch: $(LINT) ## fetch what the tests and checks are made of: modules, linter, Apache Kafka's jars
	$(GO) mod download
	@jars=$$(mktemp -d) && trap 'rm -rf "$$jars"' EXIT && \
	mvn -q -B -f testdata/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$$jars"

fuzz: ## run every fuzz test for FUZZTIME (20s)
	@grep -rE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' pkg cmd testdata \
	| sed -E 's|^(.*)/[^/]+:func (Fuzz[A-Za-z0-9_]+).*|./\1 \2|' \
	| while read -r dir name; do \
		echo "$$dir $$name"; \
		$(GO) test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) "$$dir" || exit 1; \
	done

bench: ## measure the whole forwarder: CPU seconds and memory per million events
	$(GO) run ./cmd/auditbench

e2e: ## run only the end-to-end tests, aloud
	@$(GO) test -list '$(E2E)' $(PKGS) | grep -q '^Test' || { echo 'no test matches $(E2E)'; exit 1; }
	$(call go-test,-count=1 -v -timeout=30m -run '$(E2E)')

mirror: ## copy a million events between two brokers while the mirror is killed a hundred times
	AUDITLOG_MIRROR_EVENTS=1000000 AUDITLOG_MIRROR_KILLS=100 $(GO) test ./pkg/app -count=1 -v -timeout=30m -run '^TestEndToEndMirror$$'

chaos: ## play RUNS seeds of faults (200) and account for every record; CHAOS="--seed 7" plays one
	@$(GO) run ./cmd/auditchaos --runs $(RUNS) $(CHAOS)

mutations: ## prove that the fault suite can fail: it must catch each of a table of mistakes
	@$(GO) run ./cmd/auditchaos mutations $(CHAOS)

appinspect: ## build the Splunk app and have Splunk's AppInspect judge it (Python, a tool from PyPI in .cache)
	@GO='$(GO)' .ci/appinspect/run

pysigma: ## compare our Splunk searches with pySigma's, rule by rule, over the corpus (needs Python)
	@GO=$(GO) .ci/pysigma/run

spl-engine: ## run our Splunk searches on an engine that others wrote (fetches 300 MB; needs Java and Maven)
	@GO=$(GO) .ci/spl-engine/run

# Splunk's packages are a tool of this check, pinned by .ci/dashboards' lock
# file; they run no script of their own and nothing of them is in the product.
DASHBOARDS = .cache/dashboards

dashboards: $(DASHBOARDS)/installed ## hold the app's dashboards against Splunk's published schema (needs Node and npm)
	@node .ci/dashboards/validate.cjs $(DASHBOARDS) config/splunkapp/views/*.xml

$(DASHBOARDS)/installed: .ci/dashboards/package.json .ci/dashboards/package-lock.json
	@mkdir -p $(DASHBOARDS)
	@cp .ci/dashboards/package.json .ci/dashboards/package-lock.json $(DASHBOARDS)
	npm ci --prefix $(DASHBOARDS) --ignore-scripts --no-audit --no-fund
	@touch $@

clean: ## remove what was built or fetched: binaries, tools, the Kafka of the tests
	rm -rf bin .cache
