# Talkpath as a container: a static Swift runtime on a slim Debian, without a shell's user rights.
#
#   docker build -t talkpath .
#   docker run --env-file talkpath.env -p 8080:8080 -v talkpath-data:/var/lib/talkpath talkpath
#
# Behind a proxy that ends TLS; TALKPATH_PUBLIC_URL names the origin at which the carrier reaches it.
# Stops gracefully: `docker stop --time 60` gives calls the time that TALKPATH_DRAIN_TIMEOUT_S allows them.

FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        libopus-dev libsamplerate0-dev libssl-dev libsqlite3-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Dependencies first: they change less often than the sources.
COPY Package.swift ./
RUN swift package resolve
COPY Sources Sources
COPY Tests Tests
RUN swift build -c release --product talkpath --static-swift-stdlib \
    && install -D "$(swift build -c release --show-bin-path)/talkpath" /out/talkpath

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates libopus0 libsamplerate0 libssl3 libsqlite3-0 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/talkpath --create-home talkpath
COPY --from=build /out/talkpath /usr/local/bin/talkpath
USER talkpath
ENV TALKPATH_DATA_FOLDER=/var/lib/talkpath
VOLUME /var/lib/talkpath
EXPOSE 8080
STOPSIGNAL SIGTERM
# /ready turns to 503 as soon as the server has been told to stop.
HEALTHCHECK --interval=15s --timeout=3s --start-period=5s \
    CMD ["/usr/local/bin/talkpath", "health"]
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/talkpath"]
CMD ["serve"]
