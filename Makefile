# The commands of this project. `make run` and `make test` do all the set-up that they need.

.DEFAULT_GOAL := help
.PHONY: help run test fuzz soak bench languages lint plugins build clean

cometbot := target/debug/cometbot
# Tools that no package of the system brings lie with what was built, so that a cache of that folder has both.
export COMETBOT_TOOLS ?= $(CURDIR)/target/tools
# The system's own tools first, as cometbot looks for them.
in_tools = PATH="$$PATH:$(COMETBOT_TOOLS)/python/bin"
# Every language that the tests have a plugin in.
tested := rust c cpp zig assemblyscript javascript typescript python go wat

help: ## Show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: build ## Start the bot with the example plugins on the embedded comet server
	@$(MAKE) --no-print-directory plugins || echo "make run: going on with the plugins that are there" >&2
	@cargo run --locked --quiet --package cometbot -- run

build: ## Build the bot
	@cargo build --locked --package cometbot

plugins: build ## Build the example plugins that are written in Rust
	@$(cometbot) doctor --install rust
	@$(cometbot) build plugins

test: plugins ## Pass every test
	$(cometbot) doctor --install $(tested)
	cargo test --locked --workspace
	$(in_tools) go -C plugin-sdk/go test ./...
	cd plugin-sdk/python && PYTHONDONTWRITEBYTECODE=1 python3 -m unittest
	@for zig in zig "python3 -m ziglang" "$(COMETBOT_TOOLS)/python/bin/python -m ziglang"; do \
		$$zig version >/dev/null 2>&1 || continue; \
		echo "$$zig test plugin-sdk/zig/cometbot.zig"; \
		exec $$zig test plugin-sdk/zig/cometbot.zig --cache-dir target/zig-cache; \
	done; echo "there is no zig: cometbot doctor --install zig" >&2; exit 1
	cargo test --locked --manifest-path plugins/Cargo.toml --workspace --target-dir target/guests

# For each target: how long inputs are, how many seconds one may take, and how much memory.
fuzzed := package wire config
fuzz_package := -max_len=65536 -timeout=60 -rss_limit_mb=4096
fuzz_wire := -max_len=1024 -timeout=10 -rss_limit_mb=2048
fuzz_config := -max_len=4096 -timeout=10 -rss_limit_mb=2048

fuzz: ## Fuzz the plugin loader, the wire reader and the configuration for a minute each
	@cargo fuzz --version >/dev/null 2>&1 || { echo "make fuzz: cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
	@cargo +nightly --version >/dev/null 2>&1 || \
		{ echo "make fuzz: nightly Rust is missing: rustup toolchain install nightly" >&2; exit 1; }
	$(foreach target,$(fuzzed),cargo +nightly fuzz run --fuzz-dir tests/fuzz --sanitizer none $(target) -- \
		-max_total_time=$${COMETBOT_FUZZ_SECONDS:-60} -dict=tests/fuzz/$(target).dict $(fuzz_$(target)) &&) true

soak: ## Run the bot for ten minutes while everything goes wrong
	cargo build --locked --release --package cometbot
	COMETBOT_SOAK_SECONDS=$${COMETBOT_SOAK_SECONDS:-600} \
		cargo test --locked --release --package cometbot-tests --test scenarios soak -- --nocapture

languages: test ## Measure plugins in every language, for docs/src/languages.md
	cargo bench --locked --package cometbot-tests --bench languages

bench: plugins ## Measure the speed against a bot written by hand, and of reloads
	$(cometbot) build tests/benches/bench-echo
	cargo build --locked --release --package cometbot
	cargo bench --locked --package cometbot-tests --bench echo
	cargo bench --locked --package cometbot-tests --bench reload

lint: ## Check form and style
	cargo fmt --all --check
	cargo fmt --manifest-path plugins/Cargo.toml --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --manifest-path plugins/Cargo.toml --workspace --all-targets --target-dir target/guests -- -D warnings

clean: ## Remove what was built
	cargo clean
	for plugin in plugins/*/Cargo.toml; do rm -f "$$(dirname "$$plugin").wasm"; done
	rm -f tests/benches/*.wasm
