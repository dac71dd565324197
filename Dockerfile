# Two images, server and emulator: each is one binary on Debian that runs as an unprivileged user. Debian
# provides root certificates and a C library with security updates; the binaries do not need its shell.
FROM rust:1.95-trixie AS tools
WORKDIR /src
# Only the files that scripts/setup reads, so that Docker repeats the set-up only after a version change.
COPY scripts/setup scripts/lib.sh scripts/
COPY Cargo.lock rust-toolchain.toml ./
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc frontend/
RUN scripts/setup web

FROM tools AS build
# Compiler flags for both binaries, for example for one type of processor (docs/DEPLOY.md).
ARG RUSTFLAGS=""
COPY . .
RUN --mount=type=cache,target=/src/target --mount=type=cache,target=/usr/local/cargo/registry \
    make build && scripts/build-release -p cometchat-emulator && mkdir /out && \
    cp target/release/cometchat-auth target/release/cometchat-emulator /out/

FROM debian:trixie-slim AS base
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* && mkdir -m 0700 /data && chown 10001:10001 /data
USER 10001:10001
WORKDIR /

FROM base AS emulator
COPY --from=build /out/cometchat-emulator /usr/local/bin/
EXPOSE 4000
ENTRYPOINT ["cometchat-emulator", "--listen", "0.0.0.0:4000"]

FROM base AS server
COPY --from=build /out/cometchat-auth /usr/local/bin/
ENV LISTEN=0.0.0.0:3000
# Holds the secret key, and the database if it is SQLite.
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s CMD ["cometchat-auth", "healthcheck"]
ENTRYPOINT ["cometchat-auth"]
CMD ["serve"]
