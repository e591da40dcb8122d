import TalkpathCore
import TalkpathStore
import TalkpathWire
import TestDatabases

extension TestOutbox {
    func tell(_ type: String, _ call: String, data: JSONValue = [:]) {
        let told = OutboxEvent(
            type: type,
            callID: CallID(call),
            tenant: "",
            at: SampleCalls.noon,
            data: data
        )
        tell(.event(told))
    }
}

extension SQLCallStore {
    /// The types of a call's events, in their order.
    func types(of call: String) async throws -> [String] {
        try await events(of: CallID(call), after: 0).map(\.type)
    }
}
