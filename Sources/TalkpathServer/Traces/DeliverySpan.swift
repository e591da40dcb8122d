import TalkpathCore
import TalkpathStore
import Tracing

/// A span around one attempt to deliver an event to a webhook.
struct DeliverySpan: Sendable {
    private let span: (any Tracing.Span)?
    private let traces: CallTraces
    /// For the receiver.
    let headers: [(name: String, value: String)]

    init(_ event: OutboxEvent, to url: OutboundURL, _ traces: CallTraces) {
        self.traces = traces
        // The path may be as confidential as a key.
        span = traces.startSpan(
            "POST",
            in: event.callID,
            ofKind: .client,
            attributes: [
                "http.request.method": "POST", "server.address": .string(url.host),
                "server.port": .int64(Int64(url.port)), "talkpath.event.type": .string(event.type),
                "talkpath.event.id": .string(event.id),
            ]
        )
        headers = traces.headers(span?.context ?? traces.context(of: event.callID))
    }

    func end(status: Int) {
        span?.attributes["http.response.status_code"] = Int64(status)
        if status >= 400 { fail(String(status)) }
        span?.end(at: traces.now)
    }

    /// - Parameter error: why there is no answer, in a word.
    func end(error: String) {
        fail(error)
        span?.end(at: traces.now)
    }

    private func fail(_ error: String) {
        span?.attributes["error.type"] = error
        span?.setStatus(SpanStatus(code: .error))
    }
}
