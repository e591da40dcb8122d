import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// A capture in memory, of the one simulated call.
private final class MemoryCaptures: CaptureSink, @unchecked Sendable {
    // Unchecked: a simulation runs on one thread.
    private var reader: CaptureTapReader?
    private var writer: CaptureWriter?
    private(set) var file: [UInt8] = []

    var standard: CapturePolicy { CapturePolicy(wire: true) }

    func open(_ facts: CaptureMetadata) -> CaptureTap? {
        let ring = ByteRing(minimumCapacity: 4 << 20)
        reader = CaptureTapReader(ring: ring.consumer)
        writer = CaptureWriter(facts)
        writer?.begin(into: &file)
        return CaptureTap(ring: ring.producer, from: facts.startedOn)
    }

    func finish() -> [UInt8] {
        guard var writer else { return [] }
        reader?.drain { kind, instant, content in
            if let record = writer.record(kind, at: instant, content: content) { writer.append(record, into: &file) }
        }
        return file
    }
}

@Suite struct ReplayTests {
    private static func capture(seed: UInt64, talkers: Int? = nil) -> [UInt8] {
        let captures = MemoryCaptures()
        var call = SimulatedCall(seed: seed, isAbandoned: false)
        call.talkers = talkers
        call.captures = captures
        _ = call.run()
        return captures.finish()
    }

    /// Ten calls a block; a run under a sanitizer, which sets few seeds, plays fewer blocks.
    private static let blocks =
        min(2000, max(200, TestSeeds.calls)) / 100

    @Test(arguments: 0..<blocks)
    func `a replay of a simulated call sends the same bytes`(block: UInt64) async throws {
        var replayed = 0
        for seed in (block * 10)..<(block * 10 + 10) {
            let file = Self.capture(seed: seed)
            // A call on rings has no sockets.
            guard !file.isEmpty else { continue }
            let call = try await Replay(bytes: file).run()
            #expect(call.differences.isEmpty, "seed \(seed): \(call.differences.prefix(5))")
            #expect(call.receipt != nil, "seed \(seed)")
            #expect(!call.isCut, "seed \(seed)")
            replayed += 1
        }
        #expect(replayed > 4)
    }

    /// Requests to a call and reports to it are in the capture, and a replay repeats them at the same instant.
    @Test func `every kind of request to a call is replayed`() async throws {
        var missing: Set<String> = [
            "say_requested", "clip_requested", "digits_requested", "collection_requested", "message_sent", "muted",
            "unmuted", "transfer_requested", "redirect_done", "redirect_failed", "machine_detected", "tool_answered",
            "end_requested", "given_up",
        ]
        let wanted = missing
        for seed in 0..<300 as Range<UInt64> where !missing.isEmpty {
            let file = Self.capture(seed: seed, talkers: 40)
            guard !file.isEmpty else { continue }
            let recorded = Self.asked(try Capture(reading: file), of: wanted)
            let found = recorded.map(\.what)
            guard !missing.isDisjoint(with: found) else { continue }
            let call = try await Replay(bytes: file).run()
            #expect(call.differences.isEmpty, "seed \(seed): \(call.differences.prefix(5))")
            // The answers of the carrier and of functions come to a replay from the capture itself.
            let replayed = Self.asked(call.capture, of: wanted)
            #expect(Self.withoutLateGivingUp(replayed) == Self.withoutLateGivingUp(recorded), "seed \(seed)")
            missing.subtract(replayed.map(\.what))
        }
        #expect(missing.isEmpty)
    }

    /// A call whose last job ends in the same instant may be retired before it is abandoned.
    private static func withoutLateGivingUp(_ asked: [Asked]) -> [Asked] {
        asked.last?.what == "given_up" ? Array(asked.dropLast()) : asked
    }

    private struct Asked: Equatable {
        var what: String
        var at: Duration
        var event: CaptureEvent
    }

    private static func asked(_ capture: Capture, of kinds: Set<String>) -> [Asked] {
        capture.records.compactMap { record in
            guard let event = record.event, let what = event.json["what"]?.string, kinds.contains(what)
            else { return nil }
            return Asked(what: what, at: record.at, event: event)
        }
    }

    @Test func `a replay of a replay is the same`() async throws {
        let file = Self.capture(seed: 3)
        let call = try await Replay(bytes: file).run()
        let again = try await Replay(bytes: call.capture.encoded()).run()
        #expect(again.differences.isEmpty)
        #expect(again.capture.encoded() == call.capture.encoded())
    }
}

/// The report of a replay of a call that differs from its capture.
@Suite struct ReplayDifferenceTests {
    /// A call in which both sides speak.
    private static let whole: Capture = {
        for seed in UInt64(0)... {
            let captures = MemoryCaptures()
            var call = SimulatedCall(seed: seed, isAbandoned: false)
            call.captures = captures
            _ = call.run()
            guard let capture = try? Capture(reading: captures.finish()),
                capture.records.filter({ $0.kind == .telephonyOut && $0.message?.audioByteCount == 160 }).count > 50,
                capture.records.filter({ $0.kind == .agentOut && $0.message?.audioByteCount ?? 0 > 0 }).count > 5
            else { continue }
            return capture
        }
        preconditionFailure("no seed in which both sides speak")
    }()

    private static func run(expecting change: (inout Capture) -> Void) async throws -> ReplayedCall {
        var replay = Replay(whole)
        change(&replay.expected)
        return try await replay.run()
    }

    private static func place(_ kind: CaptureRecord.Kind, number: Int) -> Int {
        let places = whole.records.indices.filter {
            whole.records[$0].kind == kind && whole.records[$0].message?.audioByteCount ?? 0 > 0
        }
        return places[number]
    }

    @Test func `a changed byte of audio is reported with its place`() async throws {
        let place = Self.place(.telephonyOut, number: 20)
        let call = try await Self.run { expected in
            guard var message = expected.records[place].message, case .bytes(var audio) = message.audio else { return }
            audio[7] ^= 0xFF
            message.audio = .bytes(audio)
            expected.records[place].content = .message(message)
        }
        let difference = try #require(call.differences.first)
        #expect(call.differences.count == 1)
        #expect(difference.place == .toCarrier)
        #expect(difference.at == Self.whole.records[place].at)
        #expect(difference.field.hasPrefix("audio from byte 7 on"))
    }

    @Test func `a changed field is reported by its path`() async throws {
        let place = Self.place(.agentOut, number: 3)
        let call = try await Self.run { expected in
            guard var message = expected.records[place].message else { return }
            // Before the last bracket: a member of the message itself, with either provider.
            message.suffix = message.suffix.dropLast() + Array(#","more":[7]}"#.utf8)
            expected.records[place].content = .message(message)
        }
        #expect(call.differences.map(\.place) == [.toAgent])
        #expect(call.differences.map(\.field) == ["$.more"])
        #expect(call.differences.map(\.recorded) == ["[7]"])
        #expect(call.differences.map(\.replayed) == ["nothing"])
    }

    @Test func `a missing message is reported once`() async throws {
        let place = Self.place(.telephonyOut, number: 5)
        let call = try await Self.run { expected in
            let clear = CaptureMessage(prefix: Array(#"{"event":"clear","streamSid":"MZ01"}"#.utf8))
            expected.records.insert(
                CaptureRecord(.telephonyOut, at: expected.records[place].at, .message(clear)),
                at: place
            )
        }
        #expect(call.differences.map(\.field) == ["message"])
        #expect(call.differences.map(\.replayed) == ["nothing"])
    }

    /// Frames are all alike: only their times and contents differ.
    @Test(arguments: [CaptureRecord.Kind.telephonyOut, .agentOut], [false, true])
    func `a missing or added frame is one difference`(_ kind: CaptureRecord.Kind, isMissing: Bool)
        async throws
    {
        let place = Self.place(kind, number: 4)
        let call = try await Self.run { expected in
            if isMissing {
                expected.records.remove(at: place)
            } else {
                guard var message = expected.records[place].message else { return }
                message.audio = .bytes([UInt8](repeating: 0x55, count: message.audioByteCount))
                var extra = expected.records[place]
                extra.content = .message(message)
                expected.records.insert(extra, at: place)
            }
        }
        #expect(call.differences.map(\.field) == ["message"], "\(call.differences)")
        #expect(call.differences.map { isMissing ? $0.recorded : $0.replayed } == ["nothing"])
    }

    @Test func `another end is reported field by field`() async throws {
        let call = try await Self.run { expected in
            for index in expected.records.indices {
                guard case .ended(var receipt)? = expected.records[index].event else { continue }
                receipt.reason = "loop_detected"
                receipt.durationMilliseconds += 6
                receipt.talkMilliseconds += 4
                expected.records[index].content = .event(.ended(receipt))
            }
        }
        #expect(call.differences.map(\.field) == ["receipt.reason", "receipt.duration_ms"])
    }

    @Test func `a slim capture detects different audio, too`() async throws {
        let (place, next) = (Self.place(.agentOut, number: 3), Self.place(.agentOut, number: 4))
        let call = try await Self.run { expected in
            guard let message = expected.records[place].message, var other = expected.records[next].message else {
                return
            }
            expected.records[place].content = .message(message.digested)
            other.audio = .digest(count: other.audioByteCount, digest: 12345)
            expected.records[next].content = .message(other)
        }
        #expect(call.differences.count == 1)
        #expect(call.differences.first?.field.hasPrefix("audio") == true)
    }

    @Test(arguments: [0.2, 0.5, 0.9])
    func `a capture that was cut is replayed up to the cut`(share: Double) async throws {
        let file = Self.whole.encoded()
        let call = try await Replay(bytes: Array(file.prefix(Int(Double(file.count) * share)))).run()
        #expect(call.isCut)
        #expect(call.receipt == nil)
        #expect(call.differences.isEmpty)
    }

    @Test func `the audio of both sides is at the time of the speech`() async throws {
        let call = try await Replay(Self.whole).run()
        // The simulated model's audio has its own constant value.
        #expect(call.agentAudio.count >= 160 * 50)
        #expect(!call.callerAudio.isEmpty)
        #expect(call.streamBegan > .zero)
    }
}
