# Talkpath as a container: a static Swift runtime on a slim Debian, without a shell's user rights.
#
#   docker build -t talkpath .
#   docker run --env-file talkpath.env --stop-timeout 75 -p 8080:8080 -v talkpath-data:/var/lib/talkpath talkpath
#
# Behind a proxy that ends TLS; TALKPATH_PUBLIC_URL names the origin at which the carrier reaches it. A folder that is
# mounted instead of the volume must belong to user 10001.
# Stops gracefully, if it is let: the stop's time-out must hold TALKPATH_DRAIN_TIMEOUT_S (30 s), 20 s in which what the
# agents have said plays out and the carrier confirms, and some air. Docker's own 10 s would cut calls off.

FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        libopus-dev libsamplerate0-dev libssl-dev libsqlite3-dev libpq-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Without the tests: a change of them builds nothing anew.
ENV TALKPATH_TESTS=off
# Dependencies first, in the versions that are written down: they change less often than the sources.
COPY Package.swift Package.resolved ./
RUN swift package resolve --force-resolved-versions
COPY Sources Sources
RUN swift build -c release --product talkpath --static-swift-stdlib --force-resolved-versions \
    && install -D "$(swift build -c release --show-bin-path)/talkpath" /out/talkpath \
    # Function names stay, for backtraces; what only a debugger reads is a third of the file.
    && strip --strip-debug /out/talkpath

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates libopus0 libsamplerate0 libssl3 libsqlite3-0 libpq5 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/talkpath --create-home talkpath \
    && chmod 0700 /var/lib/talkpath
COPY --from=build /out/talkpath /usr/local/bin/talkpath
COPY --from=build /usr/libexec/swift/linux/swift-backtrace-static /usr/local/libexec/swift-backtrace
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
ENV TALKPATH_DATA_FOLDER=/var/lib/talkpath
# Should it crash: the frames of the thread that did it, by the names of their functions, and it is over soon. Looking lines
# up takes many seconds, in which nothing is served; registers come with the memory that they point to, which may be what
# a caller said.
ENV SWIFT_BACKTRACE=enable=yes,interactive=no,timeout=0s,color=no,threads=crashed,registers=none,images=none,symbolicate=fast,limit=64,cache=no,output-to=stderr,swift-backtrace=/usr/local/libexec/swift-backtrace
VOLUME /var/lib/talkpath
EXPOSE 8080
STOPSIGNAL SIGTERM
# /ready turns to 503 as soon as the server has been told to stop. Asks 127.0.0.1 at TALKPATH_HTTP_PORT; a server that
# speaks TLS itself needs TALKPATH_URL, with the name that stands in its certificate.
HEALTHCHECK --interval=15s --timeout=3s --start-period=5s \
    CMD ["/usr/local/bin/talkpath", "health"]
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/talkpath"]
CMD ["serve"]
