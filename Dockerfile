# One image for the server, one for the emulator: each is a single binary on Debian, run by nobody in
# particular. Debian rather than an empty image for its root certificates and C library, which its
# packages keep up to date; nothing here needs its shell.
FROM rust:1.95-bookworm AS tools
WORKDIR /src
# What the set-up reads, so that it is done again only when a version changes.
COPY scripts/setup scripts/common scripts/
COPY Cargo.lock rust-toolchain.toml ./
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc frontend/
RUN scripts/setup web

FROM tools AS build
# Flags for the two binaries, like those for one kind of processor (docs/DEPLOY.md).
ARG RUSTFLAGS=""
COPY . .
RUN --mount=type=cache,target=/src/target --mount=type=cache,target=/usr/local/cargo/registry \
    make build && scripts/release -p cometchat-emulator && mkdir /out && \
    cp target/release/cometchat-auth target/release/cometchat-emulator /out/

FROM debian:bookworm-slim AS base
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
# The secret key, and the database where that is SQLite.
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s CMD ["cometchat-auth", "healthcheck"]
ENTRYPOINT ["cometchat-auth"]
CMD ["serve"]
