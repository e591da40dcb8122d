import NIOHTTP1

/// The rules of RFC 9110 and RFC 9112 for every request, checked before routing.
enum HTTPRequestRules {
    struct Breach: Equatable {
        var status: HTTPResponseStatus
        var words: String
        var headers: HTTPHeaders = [:]
    }

    /// The rule that a request breaks; `nil` if it may be served.
    static func breach(in head: HTTPRequestHead) -> Breach? {
        if let words = hostBreach(head) { return Breach(status: .badRequest, words: words) }
        let headers = head.headers
        if headers.contains(name: "transfer-encoding"), !isCurrent(head) {
            return Breach(status: .badRequest, words: "HTTP/1.0 does not allow Transfer-Encoding")
        }
        if hasBody(head), let coding = headers[canonicalForm: "content-encoding"].first(where: { !isIdentity($0) }) {
            return Breach(
                status: .unsupportedMediaType,
                words: coding.isEmpty
                    ? "Content-Encoding is empty" : "Encoded bodies are not supported: send the body unencoded",
                headers: ["accept-encoding": "identity"]
            )
        }
        let expectations = headers[canonicalForm: "expect"]
        if isCurrent(head), expectations.contains(where: { $0.lowercased() != "100-continue" }) {
            return Breach(status: .expectationFailed, words: "Only 100-continue is supported in Expect")
        }
        return nil
    }

    /// RFC 9112, section 3.2: exactly one `Host`, which HTTP/1.1 requires. An empty `Host` is refused too, because
    /// every client addresses us by an authority.
    private static func hostBreach(_ head: HTTPRequestHead) -> String? {
        let hosts = head.headers["host"]
        if hosts.isEmpty { return isCurrent(head) ? "Host is missing" : nil }
        guard hosts.count == 1 else { return "Host occurs more than once" }
        let host = hosts[0]
        guard !host.isEmpty else { return "Host is empty" }
        let isGood = host.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#"/\@,?#"#.utf8.contains($0) }
        return isGood ? nil : "Host is not a valid host"
    }

    /// True for HTTP/1.1 and later.
    private static func isCurrent(_ head: HTTPRequestHead) -> Bool {
        (head.version.major, head.version.minor) >= (1, 1)
    }

    private static func isIdentity(_ coding: Substring) -> Bool { coding.lowercased() == "identity" }

    static func hasBody(_ head: HTTPRequestHead) -> Bool { WebSocketHandshake.announcesBody(head) }

    /// True if the client sends its body only after an interim answer "100 Continue".
    static func awaitsContinue(_ head: HTTPRequestHead) -> Bool {
        isCurrent(head) && hasBody(head) && !head.headers[canonicalForm: "expect"].isEmpty
    }

    /// True for an old client's request whose answer must end the connection.
    static func isTheLast(_ head: HTTPRequestHead) -> Bool {
        !isCurrent(head) && !head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "keep-alive" }
    }

    static func refusal(
        _ status: HTTPResponseStatus,
        _ words: String,
        _ headers: HTTPHeaders = [:]
    ) -> UpgradeDecision.Refusal {
        var headers = headers
        headers.add(name: "content-type", value: "application/problem+json")
        return UpgradeDecision.Refusal(status: status, headers: headers, body: body(status, words))
    }

    /// The body of a problem response: RFC 9457's fields and those of our own routes.
    private static func body(_ status: HTTPResponseStatus, _ words: String) -> String {
        let code =
            switch status {
            case .requestTimeout: "request_timeout"
            case .unsupportedMediaType: "unsupported_encoding"
            case .expectationFailed: "expectation_failed"
            default: "bad_request"
            }
        // The words are our own constants, so they need no JSON escapes.
        return #"{"success":false,"error":"\#(words)","code":"\#(code)","type":"about:blank","#
            + #""title":"\#(status.reasonPhrase)","status":\#(status.code),"detail":"\#(words)"}"#
    }
}
