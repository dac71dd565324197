# Functions and the PATH of the other scripts, which source this file.

export PATH="$PWD/.tools/bin:$PWD/frontend/node_modules/.bin:$PATH"

say() { printf '\033[1m▸ %s\033[0m\n' "$*" >&2; }
die() { say "$*"; exit 1; }

step() { # step WHAT COMMAND…: prints WHAT, runs the command and prints how long it took
    local what=$1 begun=$SECONDS; shift
    say "$what"
    "$@"
    [ "$SECONDS" = "$begun" ] || say "  took $((SECONDS - begun)) s"
}

# Prints a variable for `env`, before a command that compiles for WebAssembly: the toolchain that has the
# WebAssembly target, if the default toolchain has not. See wasm_std in scripts/setup.
wasm_env() { sed 's/^/RUSTUP_TOOLCHAIN=/' .tools/wasm-toolchain; }

# Prints a variable for `env`, before a release build. It keeps the paths of the sources and of Cargo's home out of
# the binary, so that builds in different folders have the same bytes.
reproducible_rustflags() {
    local cargo=${CARGO_HOME:-$HOME/.cargo}
    printf 'CARGO_ENCODED_RUSTFLAGS=--remap-path-prefix=%s=/src\x1f--remap-path-prefix=%s=/cargo' "$PWD" "$cargo"
}

# Replaces the shell with the command, which gets SIGTERM when its parent dies, even by SIGKILL.
exec_with_pdeathsig() {
    if command -v setpriv >/dev/null; then exec setpriv --pdeathsig TERM -- "$@"; fi
    exec "$@"
}
