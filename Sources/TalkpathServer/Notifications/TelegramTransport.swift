import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// Sends a summary of every ended call to a Telegram chat.
struct TelegramTransport: EndpointTransport {
    private let client: OutboundClient
    private let chatID: String
    private let store: SQLCallStore
    private let clock: any CallClock

    /// In characters. Telegram's own limit is 4096.
    static let longestText = 4000
    private static let lastTurns = 6
    private static let longestTurn = 400

    init(
        _ configuration: ServerConfiguration.Telegram,
        policy: OutboundAddressPolicy,
        store: SQLCallStore,
        clock: any CallClock
    ) throws(OutboundAddressError) {
        // The address contains the token. It must not reach a log, so none of our errors names the address.
        let url = try policy.parse("\(configuration.baseURL)/bot\(configuration.botToken)/sendMessage")
        client = OutboundClient(url, policy: policy)
        chatID = configuration.chatID
        self.store = store
        self.clock = clock
    }

    func deliver(_ event: OutboxEvent) async -> DeliveryOutcome {
        guard event.type == EventType.ended.rawValue else { return .delivered }
        let transcript = (try? await store.find(event.callID))?.transcript ?? []
        // No parse mode: a transcript is not markup.
        let body: JSONValue = ["chat_id": .string(chatID), "text": .string(Self.text(event, transcript))]
        do {
            let answer = try await client.post(
                body.serialized(),
                headers: [(name: "content-type", value: "application/json")],
                timeout: .seconds(15)
            )
            return Self.outcome(answer, at: clock.wallTime)
        } catch {
            return .failed(
                OutboundHTTP.failureOfTLS(error) ?? "Telegram could not be reached or did not answer in time"
            )
        }
    }

    func close() async { await client.close() }

    private static func outcome(_ answer: OutboundClient.Answer, at now: WallTime) -> DeliveryOutcome {
        let json = try? JSONValue(parsing: answer.body)
        if (200..<300).contains(answer.status), json?["ok"]?.bool != false { return .delivered }
        let asked = json?["parameters"]?["retry_after"]?.count.map { Duration.seconds(min($0, 86_400)) }
        let pause = asked ?? answer.retryAfter(at: now)
        let failure = "Telegram answered with status \(answer.status)"
        switch answer.status {
        // The chat or the text is wrong, or the bot was removed. Another attempt would not help.
        case 400, 401, 403, 404: return .refused(failure)
        default: return .failed(failure, retryAfter: pause)
        }
    }

    static func text(_ event: OutboxEvent, _ transcript: [TranscriptEntry]) -> String {
        let data = event.data
        let seconds = (data["duration_ms"]?.int ?? 0) / 1000
        let length = "\(seconds / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)"
        let isInbound = data["direction"]?.string == CallDirection.inbound.rawValue
        let other = data[isInbound ? "from_number" : "to_number"]?.string ?? ""
        let reason = (data["ended_reason"]?.string ?? "").replacing("_", with: " ")
        var lines = [
            "\(isInbound ? "Call from" : "Call to") \(other.isEmpty ? "an unknown number" : other)",
            "Duration: \(length)", "Ended: \(reason)",
        ]
        if let note = data["receipt"]?["reason"]?.string, !note.isEmpty { lines.append("Note: \(note)") }
        if !transcript.isEmpty { lines.append("") }
        for turn in transcript.suffix(lastTurns) {
            let speaker = turn.speaker == .caller ? "Caller" : "Agent"
            lines.append("\(speaker): \(turn.text.prefix(longestTurn))")
        }
        return String(lines.joined(separator: "\n").prefix(longestText))
    }
}
