# `make` lists the targets. Recipes of more than a line are in scripts/.

.PHONY: help run dev build test test-docker check docs fuzz sbom reproducible check-secret-leaks bench bench-timing screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile

run: ## set up, build and run the whole system with two demo users: http://localhost:3000
	@scripts/run

dev: ## like run, and rebuild the web app on each change: http://localhost:8080
	@scripts/run dev

build: ## build the binary to deploy, with the web app inside: target/release/cometchat-auth
	@scripts/build-frontend
	@scripts/build-release -p cometchat-auth

test: ## run all tests, also in a browser; not the measurements, fuzzing and test-docker
	@scripts/test

test-docker: ## test the compose stack with the local Docker engine
	@scripts/test-docker

check: ## check words, formatting, lints, licences and advisories (ADVISORY_DB=path of a clone)
	@scripts/check

docs: ## regenerate docs/CONFIGURATION.md, docs/openapi.json, .env.example and the prerendered forms
	UPDATE_DOCS=1 cargo test --locked --quiet --workspace --test generated_docs
	UPDATE_DOCS=1 cargo test --locked --quiet -p frontend --lib prerendered

fuzz: ## fuzz each parser for ten minutes with libFuzzer
	@scripts/fuzz

sbom: ## write the software bill of materials (CycloneDX): target/sbom/
	@scripts/sbom

reproducible: ## build the binary in two folders and compare the bytes
	@scripts/reproducible

check-secret-leaks: ## search the logs, databases and responses of the tests for secrets
	@scripts/check-secret-leaks

bench: ## measure the numbers of docs/PERFORMANCE.md: speed, memory and size
	@scripts/bench

bench-timing: ## measure whether the time of a failed login reveals that an account exists
	@scripts/bench-timing

screenshots: ## take the screenshots of the README: docs/screenshots/
	@scripts/build-frontend
	cargo build --locked --workspace --bins
	cargo test --locked --workspace --test screenshots -- --ignored

clean: ## remove the build results; keep the database in data/ and the tools in .tools/
	rm -rf target frontend/dist .tools/page-sources fuzz/target
