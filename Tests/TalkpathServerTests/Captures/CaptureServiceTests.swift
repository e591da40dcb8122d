import Foundation
import Logging
import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore
@testable import TalkpathServer

/// Captures on a real disk, and on one that refuses writes.
@Suite struct CaptureServiceTests {
    /// A device on which every write fails as on a full disk.
    private static let full = "/dev/full"
    private static let begin = MonotonicInstant(nanoseconds: 5_000_000_000)

    private static func facts(_ id: String, _ policy: CapturePolicy) -> CaptureMetadata {
        CaptureMetadata(
            callID: CallID(id),
            direction: .inbound,
            carrierCallID: nil,
            hasCarrier: false,
            hasTools: false,
            agent: AgentProfile(provider: .openai, model: "m", apiKey: "sk-very-secret"),
            limits: CallLimits(),
            startedAt: WallTime(milliseconds: 1_700_000_000_000),
            startedOn: begin,
            policy: policy,
            secrets: ["sk-very-secret"]
        )
    }

    /// A service on its own folder, which is deleted afterwards.
    private static func run(
        _ format: Recordings.AudioFormat = .wav,
        metrics: PrometheusRegistry = PrometheusRegistry(help: MetricsRoute.help),
        _ body: (CaptureService, Recordings) async throws -> Void
    ) async throws {
        let folder = NSTemporaryDirectory() + "talkpath-captures-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let recordings = Recordings(folder: folder, audioFormat: format)
        let service = CaptureService(
            recordings: recordings,
            standard: .nothing,
            instruments: CaptureInstruments(factory: metrics),
            logger: Logger(label: "captures") { _ in SwiftLogNoOpLogHandler() }
        )
        do {
            try await body(service, recordings)
        } catch {
            await service.shutDown()
            throw error
        }
    }

    /// A second of a caller who speaks, and its end.
    private static func speak(into tap: CaptureTap, frames: Int = 50, ends: Bool = true) {
        func say(_ text: String, at milliseconds: Int) {
            let bytes = Array(text.utf8)
            tap.telephonyReceived(bytes.span.bytes, at: begin + .milliseconds(milliseconds))
        }
        say(
            """
            {"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01",\
            "callSid":"CA01","tracks":["inbound"],"customParameters":{"token":"sk-very-secret"},"mediaFormat":\
            {"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}
            """,
            at: 0
        )
        let audio = Data(repeating: 0x2A, count: 160).base64EncodedString()
        for frame in 0..<frames {
            say(
                """
                {"event":"media","sequenceNumber":"\(frame + 2)","streamSid":"MZ01","media":{"track":"inbound",\
                "chunk":"\(frame + 1)","timestamp":"\(frame * 20)","payload":"\(audio)"}}
                """,
                at: frame * 20
            )
        }
        if ends { tap.finish() }
    }

    private static func bytes(_ path: String?) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: #require(path))))
    }

    private static func milliseconds(ofRecording bytes: [UInt8]) throws -> Int {
        let wav = try WAV.decode(bytes)
        return try #require(wav.channels.first).count * 1000 / wav.sampleRate
    }

    @Test func `both kinds are written, without secrets`() async throws {
        try await Self.run { service, recordings in
            let tap = try #require(service.open(Self.facts("a", CapturePolicy(wire: true, audio: true))))
            Self.speak(into: tap)
            await service.shutDown()
            let file = try Self.bytes(recordings.wirePath(of: CallID("a")))
            let capture = try Capture(reading: file)
            #expect(capture.ending == .whole)
            #expect(capture.records.filter { $0.kind == .telephonyIn }.count == 51)
            #expect(!String(decoding: file, as: UTF8.self).contains("sk-very-secret"))
            let recording = try #require(recordings.recording(of: CallID("a")))
            #expect(try Self.milliseconds(ofRecording: Self.bytes(recording.path)) >= 980)
        }
    }

    @Test func `an Ogg recording ends with its call`() async throws {
        try await Self.run(.ogg) { service, recordings in
            let tap = try #require(service.open(Self.facts("a", CapturePolicy(audio: true))))
            Self.speak(into: tap)
            await service.shutDown()
            let recording = try #require(recordings.recording(of: CallID("a")))
            let bytes = try Self.bytes(recording.path)
            #expect(recording.format == .ogg && bytes.starts(with: "OggS".utf8))
            // The end of the stream, in the last page's header.
            let page = bytes.indices.dropLast(5).last { bytes[$0..<$0 + 4].elementsEqual("OggS".utf8) }
            #expect(try bytes[#require(page) + 5] & 4 != 0)
            #expect(recordings.wirePath(of: CallID("a")).map { access($0, F_OK) } != 0)
        }
    }

    @Test(.enabled(if: access(full, W_OK) == 0))
    func `on a full disk the wire capture stops and the call goes on`() async throws {
        let metrics = PrometheusRegistry(help: MetricsRoute.help)
        try await Self.run(metrics: metrics) { service, recordings in
            let path = try #require(recordings.wirePath(of: CallID("a")))
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: Self.full)
            let tap = try #require(service.open(Self.facts("a", CapturePolicy(wire: true, audio: true))))
            let other = try #require(service.open(Self.facts("b", CapturePolicy(wire: true))))
            Self.speak(into: tap, frames: 500)
            Self.speak(into: other)
            await service.shutDown()
            // The call did not wait for the disk.
            #expect(tap.droppedRecords == 0)
            let recording = try #require(recordings.recording(of: CallID("a")))
            #expect(try Self.milliseconds(ofRecording: Self.bytes(recording.path)) >= 9980)
            #expect(try Capture(reading: Self.bytes(recordings.wirePath(of: CallID("b")))).ending == .whole)
        }
        #expect(Self.stopped(metrics) == ["wire": 1, "audio": 0])
    }

    @Test(.enabled(if: access(full, W_OK) == 0))
    func `on a full disk the recording stops and the call goes on`() async throws {
        let metrics = PrometheusRegistry(help: MetricsRoute.help)
        try await Self.run(metrics: metrics) { service, recordings in
            let path = try #require(recordings.audioPath(of: CallID("a")))
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: Self.full)
            let tap = try #require(service.open(Self.facts("a", CapturePolicy(wire: true, audio: true))))
            Self.speak(into: tap, frames: 500)
            await service.shutDown()
            #expect(tap.droppedRecords == 0)
            let capture = try Capture(reading: Self.bytes(recordings.wirePath(of: CallID("a"))))
            #expect(capture.ending == .whole)
            #expect(capture.records.filter { $0.kind == .telephonyIn }.count == 501)
        }
        #expect(Self.stopped(metrics) == ["wire": 0, "audio": 1])
    }

    /// The number of abandoned captures, by kind.
    private static func stopped(_ metrics: PrometheusRegistry) -> [String: Int] {
        let name = "talkpath_captures_stopped_total"
        return ["wire", "audio"].reduce(into: [:]) { stopped, part in
            let head = "\(name){capture=\"\(part)\"} "
            stopped[part] = metrics.text().split(separator: "\n").first { $0.hasPrefix(head) }
                .flatMap { Int($0.dropFirst(head.count)) }
        }
    }

    @Test func `records that do not fit into a tap are counted`() async throws {
        let metrics = PrometheusRegistry(help: MetricsRoute.help)
        try await Self.run(metrics: metrics) { service, _ in
            let tap = try #require(service.open(Self.facts("a", CapturePolicy(wire: true))))
            let message = [UInt8](repeating: 0x20, count: 2 * CaptureTap.ringCapacity)
            for _ in 0..<3 { tap.telephonyReceived(message.span.bytes, at: Self.begin) }
            tap.finish()
            await service.shutDown()
        }
        #expect(metrics.text().contains("\ntalkpath_capture_messages_missing_total 3\n"))
    }

    @Test func `a call goes on if its files cannot be created`() async throws {
        try await Self.run { service, recordings in
            try FileManager.default.removeItem(atPath: recordings.folder)
            let tap = try #require(service.open(Self.facts("a", CapturePolicy(wire: true, audio: true))))
            Self.speak(into: tap, frames: 500)
            await service.shutDown()
            #expect(tap.droppedRecords == 0)
            #expect(recordings.recording(of: CallID("a")) == nil)
            #expect(!FileManager.default.fileExists(atPath: recordings.folder))
        }
    }

    @Test func `records are on disk while the call goes on`() async throws {
        try await Self.run { service, recordings in
            let tap = try #require(service.open(Self.facts("a", CapturePolicy(wire: true))))
            Self.speak(into: tap, ends: false)
            let path = try #require(recordings.wirePath(of: CallID("a")))
            var capture: Capture?
            let deadline = ContinuousClock.now + .seconds(60)
            while capture?.records.count ?? 0 < 51, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(10))
                capture = try? Capture(reading: Self.bytes(path))
            }
            #expect(capture?.records.count ?? 0 >= 51)
            #expect(capture?.ending == .cut)
            tap.finish()
            await service.shutDown()
            #expect(try Capture(reading: Self.bytes(path)).ending == .whole)
        }
    }

    @Test func `a limit on the size of files does not end the process`() async throws {
        try await Self.run { service, _ in
            // The default, nil, would end the process.
            let handler = signal(SIGXFSZ, SIG_IGN)
            #expect(unsafeBitCast(handler, to: UInt.self) != 0)
            await service.shutDown()
        }
    }
}
