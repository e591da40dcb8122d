import ArgumentParser
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathSimulation
import TalkpathSimulators
import TalkpathWire

/// `talkpath replay`: runs captured calls again.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Run captured calls again, and compare them with what was recorded.",
        discussion: """
            The real session, pipelines and codecs run on a virtual clock, hundreds of times faster than real time, \
            and receive what was captured. Every message to the carrier and to the model, every event, the receipt \
            and the audio are compared with the capture.

            Capture calls with TALKPATH_CAPTURE=wire and TALKPATH_RECORDINGS_DIR=folder.

            Exit status: 0 if everything is the same, 1 if anything differs, 2 if a file is not a capture.
            """
    )

    @Argument(help: ArgumentHelp("Captures: files that end in .tpcap.", valueName: "file"))
    var files: [String]

    @Option(help: ArgumentHelp("Compare with this capture instead of the one that is replayed.", valueName: "file"))
    var expect: String?

    @Option(help: "How fast: 1 is real time; without it, as fast as possible.")
    var speed: Double?

    @Option(help: ArgumentHelp("Play the carrier's side to a live server, at ws://host:port/path.", valueName: "url"))
    var against: String?

    @Option(help: ArgumentHelp("Write the sound: the caller left, the agent right.", valueName: "file"))
    var wav: String?

    @Flag(help: "Accept the differences: the replay becomes the capture.")
    var update = false

    @Flag(help: "With --update: keep digests of the audio that the model was sent; a quarter of the size.")
    var slim = false

    @Flag(help: "Print the result of each call as JSON, one a line.")
    var json = false

    func validate() throws {
        if let speed, !(speed > 0 && speed.isFinite) { throw ValidationError("--speed must be above 0") }
        if files.count > 1, wav != nil || expect != nil || against != nil {
            throw ValidationError("--wav, --expect and --against take one file only")
        }
        if slim, !update { throw ValidationError("--slim needs --update") }
        if against != nil, update || expect != nil {
            throw ValidationError(
                "--against plays to a live server, which answers differently every time: --update and --expect do not apply"
            )
        }
    }

    func run() async throws {
        if let against {
            try await LiveReplay(file: files[0], url: against, wav: wav).run()
            return
        }
        var isBad = false
        var differs = false
        for file in files {
            do {
                if try await replay(file) { differs = true }
            } catch let error as ReplayError {
                Self.complain(error.description)
                isBad = true
            }
        }
        if isBad { throw ExitCode(2) }
        if differs { throw ExitCode(1) }
    }

    static func complain(_ text: String) {
        FileHandle.standardError.write(Data("talkpath: \(text)\n".utf8))
    }

    /// - Returns: true if the replay differs from the capture.
    private func replay(_ file: String) async throws -> Bool {
        var replay = try Replay(file)
        if let expect { replay = try replay.expecting(expect) }
        let clock = ContinuousClock()
        let began = clock.now
        let call = try replay.replayed(pace: speed.map { Pace(began, speed: $0).wait })
        let took = began.duration(to: clock.now)
        if json {
            print(Self.json(file, call, took).serializedText())
        } else {
            report(file, call, took)
        }
        if let wav { try write(call, to: wav) }
        // A capture without differences is left as it is: after a cut, it may hold more than its replay.
        if update, slim || expect != nil || !call.differences.isEmpty {
            try ReplayFile.write(call.capture.encoded(isSlim: slim), to: file)
        }
        return !call.differences.isEmpty && !update
    }

    private func write(_ call: ReplayedCall, to path: String) throws {
        let bytes = WAV.encode(channels: [call.callerAudio, call.agentAudio], sampleRate: 8000)
        try ReplayFile.write(bytes, to: path)
    }

    // MARK: Output

    private func report(_ file: String, _ call: ReplayedCall, _ took: Duration) {
        let factor = call.duration / max(took, .microseconds(1))
        let length = String(
            format: "%.1f s in %.0f ms, %.0f times real time",
            call.duration / .seconds(1),
            took.milliseconds,
            factor
        )
        let verdict =
            call.differences.isEmpty
            ? "the same"
            : "\(call.differences.count) \(call.differences.count == 1 ? "difference" : "differences")\(update ? ", accepted" : "")"
        print("\((file as NSString).lastPathComponent): \(verdict) (\(length))")
        if let offset = call.damagedAt {
            print("  the capture is damaged at byte \(offset): replayed and compared up to there")
        } else if call.isCut {
            print("  the capture was cut off: replayed and compared up to there")
        }
        if call.hasGaps { print("  records are missing in the capture: later records may differ for that reason") }
        for difference in call.differences { print("  \(difference)") }
    }

    private static func json(_ file: String, _ call: ReplayedCall, _ took: Duration) -> JSONValue {
        [
            "file": .string(file), "duration_ms": .number(JSONNumber(call.duration.wholeMilliseconds)),
            "took_ms": JSONNumber(took.milliseconds).map(JSONValue.number) ?? .null,
            "is_cut": .bool(call.isCut), "has_gaps": .bool(call.hasGaps),
            "damaged_at": call.damagedAt.map { JSONValue($0) } ?? .null,
            "ended_reason": call.receipt.map { .string($0.reason.rawValue) } ?? .null,
            "interruptions": JSONValue(call.interruptions.count),
            "differences": .array(
                call.differences.map { difference in
                    [
                        "place": .string(difference.place.rawValue), "number": JSONValue(difference.number),
                        "at_ms": JSONNumber(difference.at.milliseconds).map(JSONValue.number) ?? .null,
                        "field": .string(difference.field), "recorded": .string(difference.recorded),
                        "replayed": .string(difference.replayed),
                    ]
                }
            ),
        ]
    }
}

/// Waits until the time of a record.
private struct Pace {
    let began: ContinuousClock.Instant
    let speed: Double

    init(_ began: ContinuousClock.Instant, speed: Double) {
        self.began = began
        self.speed = speed
    }

    /// Sleeps on this thread, which belongs to the replay.
    func wait(_ at: Duration) {
        let due = began + at / speed
        let left = ContinuousClock().now.duration(to: due)
        if left > .zero { Thread.sleep(forTimeInterval: left / .seconds(1)) }
    }
}
