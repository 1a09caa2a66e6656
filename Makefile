# Everything starts here: `make run` and `make test` need nothing but Python 3.11+ and make.

.DEFAULT_GOAL := help
.PHONY: help run test lint protos check-protos docs attack interop interop-adopt interop-mcp bench tokens lab conformance conformance-mcp faults fuzz fuzz-bridge differential lock clean

VENV := .venv
BIN := $(VENV)/bin
EXAMPLES := examples.weather:app examples.stocks:app examples.sql:app examples.search:app \
            examples.report:app examples.primes:app examples.flaky:app
REPLICAS := 3

# The first of these that runs and is new enough; `make PYTHON=/path/to/python3 run` takes another.
PYTHONS := python3 python3.13 python3.12 python3.11 python3.14 python
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in $(PYTHONS); do \
	if "$$p" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo "$$p"; break; fi; done)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## Start the mesh with all examples, three replicas each
	$(BIN)/mcpmesh up $(EXAMPLES) --replicas $(REPLICAS)

test: $(VENV)/dev.stamp ## Run the tests
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/dev.stamp ## Check style, types and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

protos: $(VENV)/dev.stamp ## Generate mcpmesh/v1 from protos/
	$(call generate,.)

check-protos: $(VENV)/dev.stamp ## Tell whether mcpmesh/v1 is what protos/ generate
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && $(call generate,"$$out") && \
	if diff -r -x __init__.py -x __pycache__ "$$out/mcpmesh/v1" mcpmesh/v1; \
	then echo "mcpmesh/v1 is up to date"; \
	else echo "mcpmesh/v1 differs from protos/: run make protos" >&2; exit 1; fi

docs: $(VENV)/dev.stamp ## Write the generated pages of docs/
	$(BIN)/mcpmesh reference docs

interop: $(VENV)/dev.stamp ## Run gRPC's interop cases with grpcio, Go and Node, and print a table
	$(BIN)/python -m tests.interop

interop-adopt: $(VENV)/dev.stamp ## Adopt MCP servers of others, and the official Petstore; needs npm
	$(BIN)/python -m tests.integration.adopt.real_servers
	$(BIN)/python -m pytest tests/integration/adopt/test_real_servers.py \
		tests/integration/adopt/test_official_petstore.py -rs $(ARGS)

interop-mcp: $(VENV)/dev.stamp ## Run MCP clients of others against a mesh's bridge, and print a table
	$(BIN)/python -m tests.interop_mcp

bench: $(VENV)/dev.stamp ## Run the benchmarks against peers, write results, pictures and tables
	$(BIN)/python -m benchmarks.run $(ARGS)
	@test ! -e benchmarks/results.json || $(BIN)/python -m benchmarks.report

tokens: $(VENV)/tokens.stamp ## Measure what lists of many tools cost in tokens, and how well search finds
	$(BIN)/python -m benchmarks.tokens $(ARGS)

lab: $(VENV)/dev.stamp ## Simulate balancing under faults; ARGS="slow_pair busy" for some scenarios
	nice -n 15 $(BIN)/python -m benchmarks.balance $(ARGS)

faults: $(VENV)/dev.stamp ## Break, slow down and restart real replicas under load; ARGS="three_broken"
	$(BIN)/python -m benchmarks.balance.sockets $(ARGS)

conformance: $(VENV)/dev.stamp ## Run h2spec against router and tool server; builds it with Go if absent
	$(BIN)/python -m tests.conformance

conformance-mcp: $(VENV)/dev.stamp ## Run the official MCP suite against a mesh's bridge; needs npm
	$(BIN)/python -m tests.conformance_mcp $(ARGS)

attack: $(VENV)/dev.stamp ## Attack a router beside an honest client, and print what it cost
	$(BIN)/python -m benchmarks.hostile $(ARGS)

fuzz: $(VENV)/fuzz.stamp ## Fuzz what reads peers' bytes; ARGS="--seconds 3600 --target hpack"
	$(BIN)/python -m fuzz $(ARGS)

fuzz-bridge: $(VENV)/dev.stamp ## Attack a bridge over HTTP and stdio for a minute; ARGS="--seconds 600"
	$(BIN)/python -m fuzz.bridge $(ARGS)

differential: $(VENV)/dev.stamp ## Hold the engine against h2 and hpack; ARGS="--frames 1000000"
	$(BIN)/python -m fuzz.differential $(ARGS)

lock: ## Write constraints.txt anew from the newest versions that fit
	$(find-python)
	@work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && \
	"$(PYTHON)" -m venv "$$work/venv" && "$$work/venv/bin/python" -m pip install -q -U pip && \
	"$$work/venv/bin/python" -m pip install -q -e '.[otlp,examples,embeddings,srv,kubernetes,openapi,mcp-grpc]' --group dev --group fuzz && \
	{ echo "# Versions that are tested together; written by make lock."; \
	  "$$work/venv/bin/python" -m pip freeze --exclude mcpmesh; } > constraints.txt

clean: ## Remove the virtual environment, built tools and caches
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .fuzz

generate = $(BIN)/python -m grpc_tools.protoc -Iprotos --python_out=$(1) --pyi_out=$(1) \
	--grpc_python_out=$(1) $(sort $(wildcard protos/mcpmesh/v1/*.proto))

define find-python
@test -n "$(PYTHON)" || { echo "mcpmesh needs Python 3.11 or newer; none of these is:" \
	"$(PYTHONS). Install one, or name it: make PYTHON=/path/to/python3 run" >&2; exit 1; }
@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "mcpmesh needs Python 3.11 or newer; $(PYTHON) is" \
	"$$("$(PYTHON)" --version 2>&1 | head -n 1). Name another:" \
	"make PYTHON=/path/to/python3 run" >&2; exit 1; }
endef

# Stamps: installing runs again only when the project's dependencies change.
$(BIN)/python:
	$(find-python)
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual" \
	"environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/run.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[examples]'
	@touch $@

# Dependency groups came with pip 25.1.
$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt \
		-e '.[otlp,examples,embeddings,srv,kubernetes,openapi,mcp-grpc]' --group dev
	@touch $@ $(VENV)/run.stamp

# Without a wheel of atheris for this Python, hypothesis does what it can.
$(VENV)/fuzz.stamp: $(VENV)/dev.stamp
	@$(BIN)/python -m pip install -q --disable-pip-version-check --only-binary atheris \
		-c constraints.txt --group fuzz || echo "atheris cannot be installed: fuzzing without it" >&2
	@touch $@

$(VENV)/tokens.stamp: $(VENV)/dev.stamp
	$(BIN)/python -m pip install -q --disable-pip-version-check --group tokens
	@touch $@
