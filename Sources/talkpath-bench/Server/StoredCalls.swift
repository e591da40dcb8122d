import TalkpathCore
import TalkpathStore
import TalkpathWire

/// Ended calls that fill a store, each with a transcript of twenty turns.
struct StoredCalls {
    var count: Int

    /// The time at which the oldest began, in milliseconds since 1970.
    static let first = 1_772_366_400_000

    private static func call(_ number: Int) throws -> CallSnapshot {
        let started = first + number * 7000
        let receipt: JSONValue = [
            "status": "completed", "reason": "ended_by_api", "started_at": JSONValue(started),
            "ended_at": JSONValue(started + 60_000), "carrier_confirmed": true,
        ]
        var call = try CallSnapshot(record: [
            "id": .string("call-\(number)"), "direction": number % 3 == 0 ? "inbound" : "outbound",
            "status": number % 5 == 0 ? "no_answer" : "completed", "from": .string("+1415555\(1000 + number % 50)"),
            "to": .string("+1415556\(1000 + number % 9000)"), "tenant": "default", "started_at": JSONValue(started),
            "ended_at": JSONValue(started + 60_000), "receipt": receipt,
            "metadata": ["order": JSONValue(number), "customer": "Ada Lovelace"],
            "agent": [
                "id": .string("agent-\(number % 20)"), "provider": "openai",
                "instructions": .string(String(repeating: "Be brief and kind. ", count: 50)),
            ],
        ])
        call.transcript = (0..<20).map { turn in
            TranscriptEntry(
                speaker: turn % 2 == 0 ? .agent : .caller,
                text: "This is what was said in turn \(turn) of call \(number), more or less.",
                milliseconds: turn * 3000
            )
        }
        return call
    }

    /// - Returns: the time that saving each call took.
    func fill(_ folder: String) async throws -> [Double] {
        try await fill(try await BenchStoreCommand.open(folder))
    }

    /// Closes the store afterwards.
    /// - Returns: the time that saving each call took.
    func fill(_ store: SQLCallStore) async throws -> [Double] {
        var times: [Double] = []
        for number in 0..<count {
            let call = try Self.call(number)
            times.append(try await BenchStoreCommand.time { try await store.save(call) })
        }
        try store.close()
        return times
    }
}
