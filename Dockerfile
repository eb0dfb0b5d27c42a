# syntax=docker/dockerfile:1

# The same Debian in both stages: what is built here runs against the same C library there.
FROM rust:1.95-slim-bookworm AS build
# For jemalloc.
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --release --bin prejoin --example nine-services \
    && install -D target/release/prejoin /out/prejoin \
    && install -D target/release/examples/nine-services /out/nine-services

FROM debian:bookworm-slim
# Time zones for the services' clocks, and curl for asking an API that listens inside the container only.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin prejoin
COPY --from=build /out/ /usr/local/bin/
# Home of config/, jobs/ and mappings/: mount yours here.
WORKDIR /srv/prejoin
USER 10001
ENTRYPOINT ["prejoin"]
CMD ["--help"]
