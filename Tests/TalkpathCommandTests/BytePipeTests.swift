import Foundation
import Testing

@testable import talkpath

@Suite struct BytePipeTests {
    /// Forwards its input and records the sizes of the pieces; fails on request.
    private struct Probe: PipeStage {
        struct Failure: Error, CustomStringConvertible {
            var description: String { "the stage is tired" }
        }

        var unit = 2
        var failsAfter = Int.max
        private(set) var blocks: [Int] = []

        mutating func convert(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws {
            blocks.append(input.count)
            if blocks.count > failsAfter { throw Failure() }
            output += input
        }

        func finish(into output: inout [UInt8]) { output += [0xEE] }
    }

    /// Runs a pipe between two system pipes, and closes its output at the end.
    private static func run(
        _ probe: inout Probe,
        block: Int,
        chunks: [[UInt8]]
    ) throws -> (output: [UInt8], error: PipeError?) {
        let (input, output) = (Pipe(), Pipe())
        DispatchQueue.global().async {
            for chunk in chunks { try? input.fileHandleForWriting.write(contentsOf: Data(chunk)) }
            try? input.fileHandleForWriting.close()
        }
        let collected = Collector(output.fileHandleForReading)
        let pipe = BytePipe(
            blockUnits: block,
            input: input.fileHandleForReading.fileDescriptor,
            output: output.fileHandleForWriting.fileDescriptor
        )
        var failure: PipeError?
        do { try pipe.run(&probe) } catch { failure = error }
        try output.fileHandleForWriting.close()
        return (collected.wait(), failure)
    }

    /// Reads to the end on its own thread.
    private final class Collector: @unchecked Sendable {
        // Unchecked: written before the semaphore is signalled, read after.
        private var bytes: [UInt8] = []
        private let done = DispatchSemaphore(value: 0)

        init(_ handle: FileHandle) {
            DispatchQueue.global().async { [self] in
                bytes = [UInt8]((try? handle.readToEnd()) ?? Data())
                done.signal()
            }
        }

        func wait() -> [UInt8] {
            done.wait()
            return bytes
        }
    }

    @Test(arguments: [1, 3, 160, 4096], [1, 2, 3, 4])
    func `stages get whole units and no byte is lost`(block: Int, unit: Int) throws {
        let bytes = [Int16].noise(6000).bytes
        var probe = Probe(unit: unit)
        let (output, error) = try Self.run(&probe, block: block, chunks: bytes.pieces(longest: 700, seed: 3))
        #expect(output == bytes + [0xEE])
        #expect(error == nil)
        #expect(probe.blocks.allSatisfy { $0 % unit == 0 && $0 > 0 && $0 <= block * unit })
    }

    @Test func `bytes that are not a whole unit give their own error`() throws {
        var probe = Probe(unit: 4)
        let (output, error) = try Self.run(&probe, block: 10, chunks: [[1, 2, 3], [4, 5, 6, 7]])
        #expect(output == [1, 2, 3, 4, 0xEE])
        #expect(error == .unfinishedSample(bytes: 3, of: 4))
    }

    @Test func `a stage that fails ends the pipe with its reason`() throws {
        var probe = Probe(unit: 1, failsAfter: 1)
        let (output, error) = try Self.run(&probe, block: 4, chunks: [[UInt8](repeating: 1, count: 100)])
        #expect(output == [1, 1, 1, 1])
        #expect(error == .stageFailed("the stage is tired"))
    }

    @Test func `descriptors that cannot be read and that cannot be written give different errors`() throws {
        var probe = Probe()
        #expect(throws: PipeError.cannotRead("Bad file descriptor")) {
            try BytePipe(blockUnits: 4, input: -1, output: -1).run(&probe)
        }
        let input = Pipe()
        try input.fileHandleForWriting.write(contentsOf: Data([1, 2]))
        let number = input.fileHandleForReading.fileDescriptor
        #expect(throws: PipeError.cannotWrite("Bad file descriptor")) {
            try BytePipe(blockUnits: 4, input: number, output: -1).run(&probe)
        }
    }
}
