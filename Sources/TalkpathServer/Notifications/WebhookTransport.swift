import AsyncHTTPClient
import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// Sends events as signed HTTP requests to one address.
struct WebhookTransport: EndpointTransport {
    private let client: OutboundClient
    private let secrets: WebhookSecrets
    private let messages: WebhookMessages
    private let clock: any CallClock
    private let timeout: Duration
    private let traces: CallTraces?

    init(
        _ url: OutboundURL,
        secrets: WebhookSecrets,
        messages: WebhookMessages,
        policy: OutboundAddressPolicy,
        clock: any CallClock,
        timeout: Duration = .seconds(15),
        traces: CallTraces? = nil
    ) {
        client = OutboundClient(url, policy: policy)
        self.secrets = secrets
        self.messages = messages
        self.clock = clock
        self.timeout = timeout
        self.traces = traces
    }

    func deliver(_ event: OutboxEvent) async -> DeliveryOutcome {
        let now = clock.wallTime
        let (body, secrets): ([UInt8], [WebhookSecret])
        do {
            guard let message = try await messages.message(event) else { return .delivered }
            body = message.serialized()
            secrets = try await self.secrets.current(at: now)
        } catch {
            return .failed("the call could not be looked up")
        }
        // Never send without a signature: the receiver could not verify the sender.
        guard !secrets.isEmpty else { return .failed("there is no secret to sign with") }
        var headers = WebhookSecret.headers(
            id: event.id,
            timestamp: now.milliseconds / 1000,
            body: body,
            secrets: secrets
        )
        headers.append((name: "content-type", value: "application/json"))
        let span = traces.map { DeliverySpan(event, to: client.url, $0) }
        if let span { headers += span.headers }
        do {
            let answer = try await client.post(body, headers: headers, timeout: timeout)
            span?.end(status: answer.status)
            return Self.outcome(answer, at: clock.wallTime)
        } catch let error as OutboundAddressError {
            span?.end(error: "address_refused")
            return .failed("the address \(error.message)")
        } catch {
            span?.end(error: "unreachable")
            return .failed(
                OutboundHTTP.failureOfTLS(error) ?? "the receiver could not be reached or did not answer in time"
            )
        }
    }

    func close() async { await client.close() }

    private static func outcome(_ answer: OutboundClient.Answer, at now: WallTime) -> DeliveryOutcome {
        switch answer.status {
        case 200..<300: .delivered
        case 410: .gone
        case 300..<400: .failed("answered with status \(answer.status): redirects are not followed")
        default: .failed("answered with status \(answer.status)", retryAfter: answer.retryAfter(at: now))
        }
    }
}

extension OutboundClient.Answer {
    /// The pause that the receiver asks for (RFC 9110, section 10.2.3), at most a day. Given in seconds or as a date. A
    /// date is compared with the receiver's own clock if the answer shows it.
    func retryAfter(at now: WallTime) -> Duration? {
        guard let text = header("retry-after") else { return nil }
        if let seconds = Int(text) { return seconds >= 0 ? .seconds(min(seconds, 86_400)) : nil }
        guard let date = WallTime(httpDate: text) else { return nil }
        let here = header("date").flatMap(WallTime.init(httpDate:)) ?? now
        return max(.zero, min(.milliseconds(date.milliseconds - here.milliseconds), .seconds(86_400)))
    }
}
