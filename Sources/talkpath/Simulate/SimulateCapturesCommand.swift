import ArgumentParser
import AsyncHTTPClient
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulation
import TalkpathSimulators
import TalkpathWire

/// `talkpath simulate captures`: makes the captures that the tests replay.
struct SimulateCapturesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "captures",
        abstract: "Play a set of calls between simulators, through the real server, and capture them.",
        discussion: """
            Each call is played in real time with each model, captured, replayed, and kept if the replay does the same. \
            The speech is tones; no person is recorded.
            """
    )

    @Option(help: "The folder to write the captures to.")
    var out = "fixtures/calls"

    @Option(help: "The folder of the fixtures that some calls are played from.")
    var fixtures = "fixtures"

    @Option(help: "Only calls with this in their name.")
    var only: String?

    func run() async throws {
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        var failures = 0
        for scene in try CaptureScene.all(fixtures: fixtures) {
            for provider in AgentProvider.vendors {
                defer { fflush(nil) }
                let name = "\(provider.rawValue)-\(scene.name)"
                guard only.map(name.contains) ?? true else { continue }
                do {
                    print("\(name): \(try await capture(scene, provider, as: name))")
                } catch {
                    print("\(name): FAILED: \(error)")
                    failures += 1
                }
            }
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func capture(_ scene: CaptureScene, _ provider: AgentProvider, as name: String) async throws -> String {
        let folder = NSTemporaryDirectory() + "talkpath-captures-\(ProcessInfo.processInfo.processIdentifier)"
        let id = try await CaptureStage(scene: scene, provider: provider, recordings: folder).play()
        let file = "\(folder)/\(id).tpcap"
        defer { unlink(file) }
        let call = try await Replay(file).run()
        guard call.differences.isEmpty, !call.isCut, let receipt = call.receipt else {
            throw ReplayError(
                file: name,
                detail: "the replay differs: \(call.differences.first.map(String.init(describing:)) ?? "no end")"
            )
        }
        guard receipt.reason == scene.ending else {
            throw ReplayError(file: name, detail: "ended as \(receipt.reason.rawValue), not \(scene.ending.rawValue)")
        }
        let bytes = call.capture.encoded(isSlim: true)
        try ReplayFile.write(bytes, to: "\(out)/\(name).tpcap")
        return
            "\(call.duration.wholeMilliseconds) ms, \(bytes.count / 1024) KiB, \(call.interruptions.count) interruptions, \(receipt.reason.rawValue)"
    }
}
