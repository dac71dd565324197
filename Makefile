# `make` alone explains itself. What is longer than a line is in scripts/.

.PHONY: help run dev build test test-docker check docs fuzz sbom reproducible test-canaries bench bench-timing screenshots clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: ## set up, build and run everything, with a demo user: http://localhost:3000
	@scripts/run

dev: ## the same, with a page that follows its sources: http://localhost:8080
	@scripts/run dev

build: ## the one binary to deploy, the page inside: target/release/cometchat-auth
	@scripts/page
	@scripts/release -p cometchat-auth

test: ## every test there is, the browser's included
	@scripts/test

test-docker: ## the compose stack, on an engine of this machine
	@scripts/test-docker

check: ## formatting, lints, licences, advisories (ADVISORY_DB=path: of a clone)
	@scripts/check

docs: ## write anew what is made from the code: docs/CONFIGURATION.md, docs/openapi.json, .env.example, the forms
	UPDATE_DOCS=1 cargo test --locked --quiet -p cometchat-auth --test generated_docs
	UPDATE_DOCS=1 cargo test --locked --quiet -p frontend --lib prerendered

fuzz: ## feed the parsers with what libFuzzer invents, ten minutes each
	@scripts/fuzz

sbom: ## what the binary is made of, as CycloneDX: target/sbom/
	@scripts/sbom

reproducible: ## build the binary twice, in two places, and compare
	@scripts/reproducible

test-canaries: ## look for every secret in all that the tests leave behind
	@scripts/canaries

bench: ## measure speed, memory and weight: what docs/PERFORMANCE.md tells
	@scripts/bench

bench-timing: ## measure whether the time of a failed sign-in tells who has an account
	@scripts/bench-timing

screenshots: ## take the README's screenshots: docs/screenshots/
	@scripts/page
	cargo build --locked --workspace --bins
	cargo test --locked --workspace --test screenshots -- --ignored

clean: ## remove what was built; the database in data/ and the tools in .tools/ stay
	rm -rf target frontend/dist .tools/page-sources fuzz/target
