#if os(Linux)
import ArgumentParser
import Foundation

/// `talkpath-bench frames`: measures the cost of a frame in the bridge itself, without sockets.
struct BenchFramesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frames",
        abstract: "Run one call's media plane without sockets: time and allocations of a frame each way.",
        discussion: """
            A message of the carrier in, a message to the model out; a message of the model in, a frame to the carrier \
            out, with its marks and the tick: the pipelines and codecs as a call has them, on one thread, as fast as \
            they go. Allocations are counted where the process is started by Scripts/bench-allocations.

            Exit status: 0, or 1 if anything was allocated, or if not every frame came out at the other end.
            """
    )

    @Option(help: "How many frames each way.")
    var frames = 10_000

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (100...200_000).contains(frames) else { throw ValidationError("--frames must be from 100 to 200000") }
    }

    func run() throws {
        let results = try FrameStage.Shape.all.map { try FrameStage($0, frames: frames).run() }
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(results), as: UTF8.self))
        } else {
            for result in results { print(Self.line(result)) }
            if AllocationCounter.now == nil { print("Allocations are counted by Scripts/bench-allocations.") }
        }
        guard results.allSatisfy(\.isWhole), results.allSatisfy({ $0.allocations ?? 0 == 0 }) else {
            throw ExitCode.failure
        }
    }

    private static func line(_ result: FrameStage.Result) -> String {
        let shape = result.shape.padding(toLength: 24, withPad: " ", startingAt: 0)
        let time = String(format: "%6.2f µs", result.microseconds)
        var words = "\(shape)\(time) for a frame up and one down"
        if let made = result.allocations { words += ", \(made) allocations in \(result.frames)" }
        if !result.isWhole { words += "; only \(result.framesUp) came out above and \(result.framesDown) below" }
        return words
    }
}
#endif
