import AsyncHTTPClient
import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// Signed HTTP requests to somebody's address.
struct WebhookTransport: EndpointTransport {
    private let client: OutboundClient
    private let secret: WebhookSecret
    private let messages: WebhookMessages
    private let clock: any CallClock
    private let timeout: Duration

    init(
        _ url: OutboundURL,
        secret: WebhookSecret,
        messages: WebhookMessages,
        policy: OutboundAddressPolicy,
        clock: any CallClock,
        timeout: Duration = .seconds(15)
    ) {
        client = OutboundClient(url, policy: policy)
        self.secret = secret
        self.messages = messages
        self.clock = clock
        self.timeout = timeout
    }

    func deliver(_ event: OutboxEvent) async -> DeliveryOutcome {
        let body: [UInt8]
        do {
            guard let message = try await messages.message(event) else { return .delivered }
            body = message.serialized()
        } catch {
            return .failed("the call could not be looked up")
        }
        var headers = secret.headers(id: event.id, timestamp: clock.wallTime.milliseconds / 1000, body: body)
        headers.append((name: "content-type", value: "application/json"))
        headers.append((name: "user-agent", value: "Talkpath"))
        do {
            return Self.outcome(try await client.post(body, headers: headers, timeout: timeout))
        } catch let error as OutboundAddressError {
            return .failed("the address \(error.message)")
        } catch {
            return .failed("the receiver could not be reached or did not answer in time")
        }
    }

    func close() async { await client.close() }

    private static func outcome(_ answer: OutboundClient.Answer) -> DeliveryOutcome {
        switch answer.status {
        case 200..<300: .delivered
        case 410: .gone
        case 300..<400: .failed("answered with status \(answer.status): redirects are not followed")
        default: .failed("answered with status \(answer.status)", retryAfter: answer.retryAfter)
        }
    }
}

extension OutboundClient.Answer {
    /// Given in seconds; the other form, a date, is rare and passed over.
    var retryAfter: Duration? {
        header("retry-after").flatMap { Int($0) }.flatMap { $0 >= 0 ? .seconds(min($0, 86_400)) : nil }
    }
}
