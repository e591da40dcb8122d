import Foundation
import TalkpathTesting
import TalkpathWire

/// A made-up telephone company, in memory: a REST interface, webhooks, and one person who picks up and says something. The
/// contract puts it into trouble. Nothing here belongs into a program of yours.
actor Ringline {
    struct Request: Sendable {
        var path: String
        var key: String
        var body: JSONValue
    }

    struct Response: Sendable {
        var status: Int
        var body: JSONValue = [:]
        var retryAfter: Duration?
    }

    /// What a client of HTTP throws.
    enum Failure: Error {
        case unreachable, connectionLost
    }

    /// A webhook.
    struct News: Sendable {
        enum Kind: Sendable {
            case ringing, answered(Line), over
        }

        var kind: Kind
        var id: String
        /// As the request for the call has it.
        var reference: String
    }

    /// The media socket of a call.
    struct Line: Sendable {
        var fromPerson: AsyncStream<String>
        var toPerson: AsyncStream<String>.Continuation
    }

    private struct Call {
        var reference: String
        var isLive = true
        var talk: Task<Void, Never>?
    }

    static let key = "ringline-secret"

    nonisolated let news: AsyncStream<News>
    private let webhook: AsyncStream<News>.Continuation
    private var calls: [Call] = []
    private var condition = VendorCondition.healthy
    private let words: [UInt8]?

    /// - Parameter words: what the person says, in µ-law; `nil` for one who lets it ring.
    init(words: [UInt8]? = nil) {
        self.words = words
        (news, webhook) = AsyncStream.makeStream()
    }

    func put(_ condition: VendorCondition) { self.condition = condition }

    var vendorCalls: [VendorCall] {
        calls.enumerated().map { VendorCall(Self.name($0.offset), isLive: $0.element.isLive) }
    }

    private static func name(_ place: Int) -> String { "RL-\(place)" }

    // MARK: REST

    func answer(_ request: Request) async throws -> Response {
        switch condition {
        case .healthy: break
        case .unreachable: throw Failure.unreachable
        case .refusing:
            return Response(status: 422, body: ["error": .string("unfit: \(request.body.serializedText())")])
        case .refusingKey: return Response(status: 401)
        case .overloaded(let retryAfter): return Response(status: 429, retryAfter: retryAfter)
        case .losingAnswers:
            _ = carryOut(request)
            throw Failure.connectionLost
        case .silent:
            try await Task.sleep(for: .seconds(3600))
            throw Failure.connectionLost
        }
        return carryOut(request)
    }

    private func carryOut(_ request: Request) -> Response {
        guard request.key == Self.key else { return Response(status: 401) }
        if request.path == "/calls" {
            calls.append(Call(reference: request.body["reference"]?.string ?? ""))
            let place = calls.count - 1
            if words != nil { calls[place].talk = Task { await self.pickUp(place) } }
            return Response(status: 201, body: ["id": .string(Self.name(place))])
        }
        guard let place = calls.indices.first(where: { request.path == "/calls/\(Self.name($0))/end" }) else {
            return Response(status: 404)
        }
        return Response(status: 200, body: ["was_live": .bool(end(place))])
    }

    func partyHangsUp(_ name: String) {
        if let place = calls.indices.first(where: { Self.name($0) == name }) { _ = end(place) }
    }

    private func end(_ place: Int) -> Bool {
        guard calls[place].isLive else { return false }
        calls[place].isLive = false
        calls[place].talk?.cancel()
        tell(.over, place)
        return true
    }

    private func tell(_ kind: News.Kind, _ place: Int) {
        webhook.yield(News(kind: kind, id: Self.name(place), reference: calls[place].reference))
    }

    // MARK: The person

    /// Rings, picks up, and talks until the call is over.
    private func pickUp(_ place: Int) async {
        tell(.ringing, place)
        let (fromPerson, mouth) = AsyncStream.makeStream(of: String.self)
        let (ear, toPerson) = AsyncStream.makeStream(of: String.self)
        tell(.answered(Line(fromPerson: fromPerson, toPerson: toPerson)), place)
        let person = Person(words: words ?? [])
        await withTaskGroup { group in
            group.addTask {
                for await text in ear { await person.take(text) }
            }
            group.addTask {
                let clock = ContinuousClock()
                var due = clock.now
                while !Task.isCancelled {
                    for message in await person.passTwentyMilliseconds() { mouth.yield(message) }
                    due += .milliseconds(20)
                    try? await clock.sleep(until: due)
                }
            }
            // The line is closed, or the call is over.
            await group.next()
            group.cancelAll()
        }
        mouth.finish()
        print("the person heard \(await person.heardMilliseconds) ms of the agent")
    }
}

/// Says its words, and plays what it is sent at the speed of speech.
private actor Person {
    private enum Item {
        case audio(Data)
        case cue(JSONValue)
    }

    private var words: ArraySlice<UInt8>
    private var queue: [Item] = []
    private(set) var heardMilliseconds = 0

    init(words: [UInt8]) {
        self.words = words[...]
    }

    func take(_ text: String) {
        guard let message = try? JSONValue(parsing: text) else { return }
        if let audio = message["audio"]?.string.flatMap({ Data(base64Encoded: $0) }) { queue.append(.audio(audio)) }
        if let cue = message["cue"] { queue.append(.cue(cue)) }
        guard message["drop"] != nil else { return }
        // The cues come back all the same.
        queue.removeAll { if case .audio = $0 { true } else { false } }
    }

    /// - Returns: what the person's telephone sends in that time.
    func passTwentyMilliseconds() -> [String] {
        var played = 0
        var messages: [JSONValue] = []
        while let item = queue.first {
            switch item {
            case .cue(let cue): messages.append(["cue": cue])
            case .audio(let audio):
                guard played < 160 else { return texts(messages) }
                played += audio.count
                heardMilliseconds += audio.count / 8
            }
            queue.removeFirst()
        }
        return texts(messages)
    }

    private func texts(_ messages: [JSONValue]) -> [String] {
        // µ-law's silence follows the words.
        let frame = words.prefix(160) + repeatElement(0xFF, count: max(0, 160 - words.count))
        words = words.dropFirst(160)
        let audio: JSONValue = ["audio": .string(Data(frame).base64EncodedString())]
        return (messages + [audio]).map { $0.serializedText() }
    }
}
