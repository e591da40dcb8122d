import CoreMetrics
import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

struct MetricsTests {
    @Test func `a call that began and ended is in the metrics`() async throws {
        try await TestServer.run { server in
            let call = try await server.place()
            let during = try await server.send(.GET, "/metrics")
            #expect(during.headers.first(name: "Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            #expect(during.lines.contains("talkpath_calls_active 1"))
            _ = try await server.end(call)
            let lines = try await server.send(.GET, "/metrics").lines
            #expect(lines.contains(#"talkpath_calls_started_total{direction="outbound"} 1"#))
            #expect(lines.contains(#"talkpath_calls_ended_total{reason="ended_by_api"} 1"#))
            #expect(lines.contains("talkpath_call_teardown_seconds_count 1"))
            #expect(lines.contains { $0.hasPrefix("process_open_fds ") })
        }
    }

    @Test func `refused calls and media sockets are counted by reason, and the limit is shown`() async throws {
        try await TestServer.run(configure: { $0.maximumCalls = 1 }) { server in
            _ = try await server.place()
            _ = try await server.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#)
            _ = try await server.send(.POST, "/api/calls", #"{"to":"+442079460000"}"#)
            let lines = try await server.send(.GET, "/metrics").lines
            #expect(lines.contains("talkpath_calls_limit 1"))
            let refused = #"talkpath_calls_refused_total{direction="outbound",reason="#
            #expect(lines.contains(refused + #""too_many_calls"} 1"#))
            #expect(lines.contains(refused + #""destination_not_allowed"} 1"#))
            #expect(lines.contains(#"talkpath_media_sockets_refused_total{reason="unsigned"} 0"#))
            #expect(
                lines.contains("talkpath_hang_ups_unconfirmed 0") && lines.contains("talkpath_hang_ups_failed_total 0")
            )
            #expect(lines.contains("talkpath_deliveries_given_up_total 0"))
        }
    }

    @Test func `a request without a key gets no metrics`() async throws {
        try await TestServer.run { server in
            let answer = try await server.send(.GET, "/metrics", key: nil)
            #expect(answer.status == 401 && !answer.text.contains("talkpath_calls"))
        }
    }

    @Test func `another tenant's key opens no metrics`() async throws {
        try await TestServer.run { server in
            let answer = try await server.send(.GET, "/metrics", key: TestServer.otherKey)
            #expect(answer.status == 403 && !answer.text.contains("talkpath_calls"))
            #expect(answer["detail"]?.string?.contains("TALKPATH_METRICS_KEY") == true)
        }
    }

    @Test func `with a key of their own, the metrics accept only that key, and it opens nothing else`() async throws {
        let key = "a key for the metrics"
        try await TestServer.run(configure: { $0.metricsKeys = [key] }) { server async throws in
            #expect(try await server.send(.GET, "/metrics", key: key).status == 200)
            for other in [TestServer.key, TestServer.otherKey] {
                #expect(try await server.send(.GET, "/metrics", key: other).status == 403)
            }
            #expect(try await server.send(.GET, "/metrics", key: "no key of anybody's").status == 401)
            #expect(try await server.send(.GET, "/api/calls", key: key).status == 401)
        }
    }

    @Test func `every metric has its help and its type once, before its values`() async throws {
        try await TestServer.run { server in
            let lines = try await server.send(.GET, "/metrics").lines
            var described: Set<String> = []
            for line in lines where line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                #expect(described.insert(String(words[2])).inserted, "\(line)")
                #expect(lines.contains { $0.hasPrefix("# HELP \(words[2]) ") }, "no help for \(words[2])")
            }
            for line in lines where !line.hasPrefix("#") && !line.isEmpty {
                let name = line.prefix { $0 != "{" && $0 != " " }
                let family = ["_bucket", "_sum", "_count"].reduce(String(name)) { name, suffix in
                    let stem = name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
                    return described.contains(stem) ? stem : name
                }
                #expect(described.contains(family), "\(line)")
            }
        }
    }
}

extension TestServer.Answer {
    fileprivate var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
}

struct PrometheusRegistryTests {
    @Test func `counters, gauges and timers are written in the format of Prometheus`() {
        let registry = PrometheusRegistry(help: ["a_total": "As."])
        let counter = Counter(label: "a_total", dimensions: [("way", #"u"p\"#)], factory: registry)
        counter.increment(by: 3)
        Counter(label: "a_total", dimensions: [("way", #"u"p\"#)], factory: registry).increment()
        Meter(label: "b", factory: registry).set(1.5)
        let timer = Timer(label: "c_seconds", factory: registry)
        timer.recordMilliseconds(2)
        timer.recordMilliseconds(700)
        timer.recordSeconds(60)
        let lines = registry.text().split(separator: "\n").map(String.init)
        #expect(lines.prefix(3) == ["# HELP a_total As.", "# TYPE a_total counter", #"a_total{way="u\"p\\"} 4"#])
        #expect(lines.contains("b 1.5"))
        #expect(lines.contains(#"c_seconds_bucket{le="0.001"} 0"#))
        #expect(lines.contains(#"c_seconds_bucket{le="0.002"} 1"#))
        #expect(lines.contains(#"c_seconds_bucket{le="0.75"} 2"#))
        #expect(lines.contains(#"c_seconds_bucket{le="10"} 2"#))
        #expect(lines.contains(#"c_seconds_bucket{le="+Inf"} 3"#))
        #expect(lines.contains("c_seconds_count 3") && lines.contains("c_seconds_sum 60.702"))
    }

    @Test func `a name used for two kinds keeps the first kind`() {
        let registry = PrometheusRegistry()
        Counter(label: "a", factory: registry).increment()
        Meter(label: "a", factory: registry).set(7)
        #expect(registry.text() == "# TYPE a counter\na 1\n")
    }

    @Test func `increments by many threads are all counted`() async {
        let registry = PrometheusRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let counter = Counter(label: "n_total", factory: registry)
                    let meter = Meter(label: "m", factory: registry)
                    for _ in 0..<1000 {
                        counter.increment()
                        meter.increment()
                    }
                }
            }
        }
        #expect(registry.text().contains("n_total 8000"))
        #expect(registry.text().contains("m 8000"))
    }
}
