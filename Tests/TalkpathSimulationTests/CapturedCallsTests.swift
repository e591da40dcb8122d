import TalkpathAudio
import TalkpathCore
import Testing

@testable import TalkpathSimulation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The captured calls of `fixtures/calls`, replayed: no byte may differ, and each call must show the situation it was
/// captured for.
@Suite struct CapturedCallsTests {
    private static let folder: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/") + "/fixtures/calls"
    }()

    static let names: [String] = {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".tpcap") { names.append(String(name.dropLast(6))) }
        }
        return names.sorted()
    }()

    static func replay(_ name: String) throws -> Replay {
        try Replay("\(folder)/\(name).tpcap")
    }

    @Test func `both models have the same calls`() {
        let calls = { (model: String) in Self.names.filter { $0.hasPrefix(model) }.map { $0.dropFirst(model.count) } }
        #expect(calls("openai-") == calls("gemini-"))
        #expect(calls("openai-").count >= 12)
    }

    @Test(arguments: names)
    func `a replayed call equals its capture`(name: String) async throws {
        try await Self.replay(name).run { call in
            #expect(call.differences.isEmpty, "\(name): \(call.differences.prefix(3))")
            #expect(!call.isCut && !call.hasGaps)
            #expect(call.receipt != nil)
        }
    }

    @Test(arguments: ["openai", "gemini"])
    func `in a plain conversation both sides speak by turns`(model: String) async throws {
        try await Self.replay("\(model)-plain-conversation").run { call in
            // Gemini does not report that it hears the caller.
            let expected: [TranscriptEntry.Speaker] =
                model == "openai" ? [.agent, .caller, .agent, .caller, .agent] : [.agent, .agent, .agent]
            #expect(call.turns.map(\.speaker) == expected)
            #expect(call.interruptions.isEmpty)
            #expect(call.receipt?.reason == .callerHangup)
        }
    }

    @Test(arguments: ["openai", "gemini"])
    func `each of three interruptions is detected at its time`(model: String) async throws {
        try await Self.replay("\(model)-three-barge-ins").run { call in
            #expect(call.interruptions.count == 3)
            // The caller waits 0.7 s and is detected some tenths later; the answers are 3.5 s long.
            for interruption in call.interruptions {
                #expect(interruption.heard > .milliseconds(500) && interruption.heard < .milliseconds(2500))
            }
            #expect(call.metrics.interruptions == 3)
        }
    }

    @Test(arguments: ["openai", "gemini"])
    func `every call ends with its reason`(model: String) async throws {
        let reasons: [(String, EndReason)] = [
            ("hang-up-mid-word", .callerHangup), ("dtmf", .endedByAPI), ("tool-call", .agentHangup),
            ("agent-lost-and-resumed", .endedByAPI), ("voicemail", .voicemail),
            ("gap", .callerHangup), ("duplicates", .callerHangup), ("ended-mid-answer", .endedByAPI),
            ("late-marks", .callerHangup), ("loop", .loopDetected),
        ]
        for (name, reason) in reasons where Self.names.contains("\(model)-\(name)") {
            let call = try await Self.replay("\(model)-\(name)").run()
            let receipt = try #require(call.receipt)
            #expect(receipt.reason == reason, "\(name)")
            #expect(receipt.isSuccess && receipt.teardown < .seconds(2), "\(name): \(receipt.teardown)")
        }
    }

    /// The model's audio of its first turn, at the caller's rate.
    private static func greeting(_ capture: Capture) throws -> [Int16] {
        var samples: [Int16] = []
        for record in capture.records where record.kind == .agentIn {
            guard let message = record.message else { continue }
            if case .bytes(let bytes) = message.audio, !message.prefix.isEmpty {
                samples += stride(from: 0, to: bytes.count - 1, by: 2).map {
                    Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
                }
            }
            let text = String(decoding: message.text, as: UTF8.self)
            if text.contains("response.done") || text.contains("turnComplete") { break }
        }
        var resampler = try StreamResampler(from: 24000, to: 8000)
        return try resampler.resampledToEnd(samples)
    }

    @Test(arguments: ["openai", "gemini"])
    func `the caller hears the model's audio at its time`(model: String) async throws {
        try await Self.replay("\(model)-plain-conversation").run { call in
            let reference = try Self.greeting(call.capture)
            try #require(reference.count > 8000 / 4)
            let heard = call.agentAudio(against: reference)
            // The loss is that of µ-law.
            #expect(heard.signalToNoise > 25, "\(heard)")
            let began = try #require(call.turns.first).at - call.streamBegan
            #expect(abs((heard.delay - began) / .milliseconds(1)) < 100, "\(heard), began after \(began)")
            // No other side has these words.
            #expect(call.callerAudio(against: reference).signalToNoise < 6)
        }
    }

    @Test(arguments: ["openai", "gemini"])
    func `missing and repeated audio is counted`(model: String) async throws {
        let gap = try await Self.replay("\(model)-gap").run()
        // Five frames, and later one.
        #expect(gap.metrics.gaps == 2)
        #expect(gap.metrics.filledMilliseconds == 120)
        let duplicates = try await Self.replay("\(model)-duplicates").run()
        #expect(duplicates.metrics.duplicateFrames == 3)
    }

    private static func text(_ record: CaptureRecord, _ kind: CaptureRecord.Kind) -> String {
        record.kind == kind ? String(decoding: record.message?.bytes ?? [], as: UTF8.self) : ""
    }

    @Test(arguments: ["openai", "gemini"])
    func `late marks report the answer that they belong to`(model: String) async throws {
        try await Self.replay("\(model)-late-marks").run { call in
            // The caller waits 0.9 s and is detected some tenths later; the marks arrive 0.6 s later.
            #expect(call.interruptions.count == 2)
            for interruption in call.interruptions {
                #expect(interruption.heard > .milliseconds(200) && interruption.heard < .milliseconds(1800))
            }
            // The last mark before the first clear, which drops it: its echo comes half a second later.
            let records = call.capture.records
            let clear = try #require(records.firstIndex { Self.text($0, .telephonyOut).contains("\"clear\"") })
            let thrownOut = try #require(records[..<clear].last { Self.text($0, .telephonyOut).contains("\"mark\"") })
            let words = Self.text(thrownOut, .telephonyOut).split(separator: "\"")
            let name = try #require(words.last { $0.hasPrefix("tp-") })
            let echo = try #require(records[clear...].first { Self.text($0, .telephonyIn).contains("\"\(name)\"") })
            #expect(echo.at > records[clear].at + .milliseconds(500))
        }
    }

    @Test(arguments: ["openai", "gemini"])
    func `a loop of two machines is suspected and then ended`(model: String) async throws {
        try await Self.replay("\(model)-loop").run { call in
            #expect(call.turns.count >= 4)
            #expect(call.events.contains { if case .loopSuspected = $0.kind { true } else { false } })
            #expect(call.receipt?.reason == .loopDetected)
        }
    }
}
