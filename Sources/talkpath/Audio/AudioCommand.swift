import ArgumentParser
import TalkpathAudio

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Runs the audio core as filters of raw samples.
struct AudioCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audio",
        abstract: "Convert raw audio from standard input to standard output.",
        discussion: """
            Samples are signed, 16 bits, little-endian, one channel: what sox calls -t raw -e signed -b 16 -L -c 1 and \
            ffmpeg -f s16le -ac 1. The output does not depend on the blocks that the input arrives in.

            Exit status: 0 when all was converted or the reader went away, 64 for wrong options, 65 if the input ends \
            within a sample (all before it was converted), 74 if reading or writing fails.
            """,
        subcommands: [Resample.self, Encode.self, Decode.self]
    )
}

extension AudioCommand {
    struct Resample: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the sample rate, just as a call's audio is resampled.",
            discussion: """
                The output is late by the filter's latency, and ends with what the filter still held; libsamplerate \
                compensates its own.
                """
        )

        @Option(help: "Samples per second of the input.")
        var from: Int

        @Option(help: "Samples per second of the output.")
        var to: Int

        @Option(
            help: """
                polyphase (between 8000, 16000, 24000 and 48000), or libsamplerate-best, -medium, -fastest, -hold or \
                -linear (between any).
                """
        )
        var engine = "polyphase"

        @Option(
            help: "How much of the band polyphase keeps: telephone, wide or strict.",
            transform: { try named($0, ResamplerProfile.init(rawValue:), "telephone, wide or strict") }
        )
        var profile: ResamplerProfile?

        @OptionGroup var block: BlockOption

        func validate() throws {
            _ = try resampler()
        }

        func run() throws {
            var stage = ResampleStage(try resampler())
            try block.run(&stage)
        }

        private func resampler() throws(ValidationError) -> StreamResampler {
            let selected: ResamplerEngine
            do throws(ResamplerEngine.SelectionError) {
                selected = try ResamplerEngine(engine, profile: profile)
            } catch {
                switch error {
                case .unknownEngine:
                    let names = ResamplerEngine.names.joined(separator: ", ")
                    throw ValidationError("'\(engine)' is no --engine: it must be one of \(names)")
                case .profileDoesNotFit:
                    throw ValidationError("--profile goes with --engine polyphase only, or tells the same")
                }
            }
            do {
                return try StreamResampler(from: from, to: to, engine: selected)
            } catch {
                throw ValidationError(error.description)
            }
        }
    }

    struct Encode: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Encode samples as G.711.")

        @Argument(help: "ulaw or alaw.")
        var law: Law

        @OptionGroup var block: BlockOption

        func run() throws {
            var stage = EncodeStage(law: law.encoding)
            try block.run(&stage)
        }
    }

    struct Decode: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Decode G.711 to samples.")

        @Argument(help: "ulaw or alaw.")
        var law: Law

        @OptionGroup var block: BlockOption

        func run() throws {
            var stage = DecodeStage(law: law.encoding)
            try block.run(&stage)
        }
    }

    enum Law: String, ExpressibleByArgument, CaseIterable {
        case ulaw, alaw

        var encoding: AudioFormat.Encoding { self == .ulaw ? .mulaw : .alaw }
    }
}

struct BlockOption: ParsableArguments {
    @Option(help: "The most samples that are converted at a time.")
    var block = 4096

    func validate() throws {
        guard (1...1_048_576).contains(block) else {
            throw ValidationError("--block must be from 1 to 1048576 samples")
        }
    }

    /// Runs the stage from standard input to standard output.
    func run<Stage: PipeStage & ~Copyable>(_ stage: inout Stage) throws {
        do {
            try BytePipe(blockUnits: block).run(&stage)
        } catch {
            let message = Array("talkpath audio: \(error)\n".utf8)
            _ = write(STDERR_FILENO, message, message.count)
            if case .unfinishedSample = error { throw ExitCode(EX_DATAERR) }
            throw ExitCode(EX_IOERR)
        }
    }
}

/// Returns the value that an option's text names.
func named<Value>(_ text: String, _ value: (String) -> Value?, _ choices: String) throws -> Value {
    guard let value = value(text) else { throw ValidationError("'\(text)' is not one of: \(choices)") }
    return value
}
