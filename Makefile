# make run     build, start the server, import and deploy the example
# make test    everything a change must pass; installs what it needs (as root, on Debian)
# make check   the part of it that needs Go alone: format, generated files, vet, lint, unit tests
# make bench   what a proxied request costs, beside nginx and HAProxy

BIN  := build/gatehouse
LINT := go tool -modfile=tools/lint/go.mod
# The race detector needs a C compiler; without one the tests run without it.
RACE := $(shell command -v gcc >/dev/null && echo -race)
UNIT := ./cmd/... ./internal/... ./examples/...

export CGO_ENABLED ?= 0

.PHONY: build run test test-all check format generated lint unit long scripts sdk ascode conformance corpus robust kubernetes fuzz bench generate deps clean

build:
	go build -o $(BIN) ./cmd/gatehouse

run: build
	@examples/petstore/run $(BIN)

test: deps check long scripts corpus

test-all: test sdk ascode conformance robust fuzz

check: format generated lint unit

format:
	@bad=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$bad" ]; then echo "not formatted, run gofmt -w:"; echo "$$bad"; exit 1; fi

# What awsgen would write must be what is checked in.
generated:
	@rm -rf build/_awsapi && mkdir -p build && cp -r internal/awsapi build/_awsapi
	@go run -C tools/awsgen .
	@diff -r build/_awsapi internal/awsapi >/dev/null || { echo "internal/awsapi was stale and is generated anew: commit it"; exit 1; }
	@out=$$(go test -C tools/awsgen . 2>&1) || { echo "$$out"; exit 1; }

lint:
	go vet ./...
	cd tools/lint && go build -o $(CURDIR)/build/lint .
	go vet -vettool=$(CURDIR)/build/lint ./...
	$(LINT) staticcheck ./...

unit:
	$(if $(RACE),CGO_ENABLED=1) go test $(RACE) -short -timeout 30m $(UNIT)

# What -short leaves out, and what the race detector hides: budgets of time,
# memory and allocations.
long:
	go test -timeout 30m $(UNIT)

scripts:
	go test -count=1 -timeout 30m ./test/script

sdk:
	go test -C test/sdk -count=1 -timeout 30m ./...
	go test -C test/sdk/otel -count=1 -timeout 15m ./...

# What teams deploy to AWS with: Terraform and the CDK, where they are installed.
ascode:
	go test -count=1 -timeout 40m ./test/ascode

conformance:
	@if [ -d test/conformance ]; then go test -count=1 -timeout 30m ./test/conformance/...; fi

# What the real service answered, where its recordings are: how many agree, and
# why the others do not.
corpus:
	@mkdir -p build; rm -f build/corpus.txt; go test -count=1 -timeout 30m ./test/corpus -report $(CURDIR)/build/corpus.txt; r=$$?; \
	if [ -f build/corpus.txt ]; then cat build/corpus.txt; fi; exit $$r

robust:
	go test -count=1 -timeout 40m ./test/robust/...

# A real API server of Kubernetes, whose building takes a quarter of an hour.
kubernetes:
	go build -C tools/apiserver -o $(CURDIR)/build/kube-apiserver .
	GATEHOUSE_APISERVER=$(CURDIR)/build/kube-apiserver go test -count=1 -v -run KubernetesReal ./internal/discovery

# The seeds of every fuzz target run with the unit tests; this looks for new
# inputs: FUZZTIME runs of each target. A time instead (30s) looks longer, but Go
# then sometimes fails the target that runs when the time is up.
FUZZTIME ?= 3000x
fuzz:
	@for pkg in $$(grep -rl '^func Fuzz' --include='*_test.go' internal | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$pkg/*_test.go | sed 's/func //'); do \
	    echo "fuzz $$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) ./$$pkg || exit 1; \
	  done; done

bench: build
	test/bench/bench.py --gatehouse $(BIN)
	GATEHOUSE_SOCKETS=50000 go test -count=1 -v ./test/bench/sockets

# Everything that is generated: AWS shapes, the configuration page, COVERAGE.md.
generate:
	go run -C tools/awsgen .
	go test ./internal ./internal/app -run 'TestLinkedPackages|TestConfigurationReference|TestCoverage|TestDecisionsIndex' -update

deps:
	@tools/test-deps

clean:
	rm -rf build .gatehouse
