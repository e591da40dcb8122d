internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import TalkpathAudio

/// Sends the carrier's signed requests.
struct WebhookClient: Sendable {
    struct Answer: Sendable {
        /// 0: none came.
        var status: Int
        var contentType: String
        var body: String
        /// The reason for which no answer came.
        var failure: String?
    }

    let client: HTTPClient
    let authToken: String
    let connectTo: String?
    let timeout: Duration

    /// Twilio's signature: base64 of HMAC-SHA1 over the URL and, of a form, each name and value in the names' order.
    static func signature(_ url: String, _ form: FormFields, token: String) -> String {
        // Names and, of the same name, different values, each once, in the order of their bytes.
        let pairs = Set(form.fields.map { [Array($0.name.utf8), Array($0.value.utf8)] })
        let sorted = pairs.sorted { left, right in
            left[0] == right[0]
                ? left[1].lexicographicallyPrecedes(right[1]) : left[0].lexicographicallyPrecedes(right[0])
        }
        let text = Array(url.utf8) + sorted.flatMap { $0[0] + $0[1] }
        return PlainBase64.encode(SHA1.authenticate(text, key: Array(token.utf8)))
    }

    func send(_ form: FormFields, to address: String, method: String) async -> Answer {
        var address = address
        if method == "GET" { address += (address.contains("?") ? "&" : "?") + form.encoded }
        guard let url = PlainURL(address), let real = realURL(of: url) else {
            return Answer(status: 0, contentType: "", body: "", failure: "cannot reach \(address): no TLS here")
        }
        var request = HTTPClientRequest(url: real)
        request.method = method == "GET" ? .GET : .POST
        request.headers.add(name: "Host", value: url.authority)
        request.headers.add(name: "User-Agent", value: "TwilioProxy/1.1")
        request.headers.add(name: "Accept", value: "*/*")
        let signed = method == "GET" ? FormFields() : form
        request.headers.add(
            name: "X-Twilio-Signature",
            value: Self.signature(address, signed, token: authToken)
        )
        if method != "GET" {
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded; charset=UTF-8")
            request.body = .bytes(ByteBuffer(string: form.encoded))
        }
        do {
            let response = try await client.execute(request, timeout: .nanoseconds(timeout.wholeNanoseconds))
            let body = try await response.body.collect(upTo: 1 << 20)
            return Answer(
                status: Int(response.status.code),
                contentType: response.headers.first(name: "content-type") ?? "",
                body: String(buffer: body)
            )
        } catch {
            return Answer(status: 0, contentType: "", body: "", failure: "\(error)")
        }
    }

    private func realURL(of url: PlainURL) -> String? {
        if let connectTo { return "http://\(connectTo)\(url.requestTarget)" }
        return url.isSecure ? nil : "http://\(url.authority)\(url.requestTarget)"
    }
}
