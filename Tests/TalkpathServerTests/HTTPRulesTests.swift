import NIOCore
import NIOPosix
import Testing

@testable import TalkpathServer

/// The rules of RFC 9110 and RFC 9112 for a server, byte for byte.
@Suite(.timeLimit(.minutes(5))) struct HTTPRulesTests {
    /// Sends bytes unchanged, waits for an answer with the given end, sends the rest, and reads until the server
    /// closes.
    private func exchange(_ port: Int, _ pieces: [String], untilEach mark: String = "\r\n\r\n") async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var text = ""
            var rest = pieces[...]
            var iterator = inbound.makeAsyncIterator()
            do {
                while true {
                    if let piece = rest.popFirst() { try await outbound.write(ByteBuffer(string: piece)) }
                    repeat {
                        guard let buffer = try await iterator.next() else { return text }
                        text += String(buffer: buffer)
                    } while rest.isEmpty || !text.hasSuffix(mark)
                }
            } catch is IOError {
                // Closed while our bytes were unread.
            }
            return text
        }
    }

    private static let close = "Connection: close\r\n"
    private static let post =
        "POST /api/calls HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer \(TestServer.key)\r\n"

    @Test(arguments: [
        ("no host", "GET /health HTTP/1.1\r\n\(close)\r\n", "400"),
        ("an empty host", "GET /health HTTP/1.1\r\nHost:\r\n\(close)\r\n", "400"),
        ("two hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\(close)\r\n", "400"),
        ("a host that is none", "GET /health HTTP/1.1\r\nHost: a/b\r\n\(close)\r\n", "400"),
        ("HTTP/1.0 without a host", "GET /health HTTP/1.0\r\n\r\n", "200"),
        ("chunks in HTTP/1.0", "POST /api/calls HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("an encoded body", "\(post)Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "415"),
        ("a body that is as it is", "\(post)Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", "400"),
        ("another expectation", "\(post)Expect: a-miracle\r\nContent-Length: 2\r\n\r\n{}", "417"),
        (
            "a socket without a host",
            "GET /twilio/media-stream HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "400"
        ),
    ])
    func `a request is answered as the standard requires`(what: String, request: String, status: String) async throws {
        try await TestServer.run { test async throws in
            let answer = try await exchange(test.server.port, [request])
            #expect(answer.split(separator: " ").dropFirst().first == Substring(status), "\(what): \(answer)")
        }
    }

    @Test func `a client that expects 100 gets it and then sends its body`() async throws {
        try await TestServer.run { test async throws in
            let body = #"{"to":"\#(TestServer.number)"}"#
            let head = "\(Self.post)Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            let answer = try await exchange(test.server.port, [head, body])
            #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 "), "\(answer)")
            // A request without a body gets no 100.
            let get = "GET /health HTTP/1.1\r\nHost: a\r\n\(Self.close)Expect: 100-continue\r\n\r\n"
            #expect(try await exchange(test.server.port, [get]).hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test(arguments: [
        ("/health", "200"), ("/ready", "200"), ("/openapi.json", "200"), ("/api/calls", "401"), ("/nowhere", "404"),
        ("/api/calls/end", "405"),
    ])
    func `HEAD is answered like GET without a body`(path: String, status: String) async throws {
        try await TestServer.run { test async throws in
            func ask(_ method: String) async throws -> String {
                try await exchange(test.server.port, ["\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(Self.close)\r\n"])
            }
            func length(_ answer: String) -> Substring? {
                answer.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
            }
            let head = try await ask("HEAD")
            #expect(head.hasPrefix("HTTP/1.1 \(status) ") && head.hasSuffix("\r\n\r\n"), "\(head)")
            let get = try await ask("GET")
            #expect(get.hasPrefix("HTTP/1.1 \(status) "))
            if status == "200" { #expect(length(head) == length(get) && length(get) != nil) }
        }
    }

    @Test func `an incomplete head is answered with 408`() async throws {
        try await TestServer.run(configure: { $0.headTimeout = .seconds(3) }) { test async throws in
            let answer = try await exchange(test.server.port, ["GET /health HTTP/1.1\r\nHost: a\r\n"])
            #expect(answer.hasPrefix("HTTP/1.1 408 ") && answer.contains("request_timeout"))
        }
    }
}
