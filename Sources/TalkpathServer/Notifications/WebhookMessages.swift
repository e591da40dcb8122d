import TalkpathCore
import TalkpathStore
import TalkpathWire

/// The messages to a webhook, in the webhook's format.
struct WebhookMessages: Sendable {
    let format: WebhookFormat
    let store: SQLCallStore

    /// - Returns: `nil` for an event for which the format has no message.
    func message(_ event: OutboxEvent) async throws -> JSONValue? {
        guard format != .standard else { return event.json }
        guard let type = EventType(rawValue: event.type), Self.words(of: type, in: format) != nil,
            let call = try await store.find(event.callID)
        else { return nil }
        return Self.message(type, of: call, in: format)
    }

    static func message(_ type: EventType, of call: CallSnapshot, in format: WebhookFormat) -> JSONValue? {
        guard let word = words(of: type, in: format) else { return nil }
        switch format {
        case .standard: return nil
        case .talkover: return call.talkoverMessage(word)
        case .vocode: return call.vocodeMessage(word, hasEnded: type == .ended)
        }
    }

    private static func words(of type: EventType, in format: WebhookFormat) -> String? {
        switch (format, type) {
        case (.talkover, .started): "event_phone_call_started"
        case (.vocode, .answered): "event_phone_call_connected"
        case (.talkover, .ended), (.vocode, .ended): "event_phone_call_ended"
        default: nil
        }
    }
}
