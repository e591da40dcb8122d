#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One decoder, and the properties that must hold for any bytes.
struct FuzzTarget: Sendable {
    let name: String
    let run: @Sendable ([UInt8]) -> Void

    static let all: [FuzzTarget] = [
        .json, .openAI, .gemini, .socket, .twilio, .forms, .signatures, .twilioREST, .capture, .oggOpus, .wav, .frames,
    ]

    /// The one that `TALKPATH_FUZZ` names.
    static let chosen: FuzzTarget = {
        let name = getenv("TALKPATH_FUZZ").map { String(cString: $0) } ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            print("TALKPATH_FUZZ must name a target: \(all.map(\.name).joined(separator: " "))")
            exit(2)
        }
        return target
    }()
}

/// Writes the seeds that have to be made, where `TALKPATH_FUZZ_SEEDS` says, instead of fuzzing.
@_cdecl("LLVMFuzzerInitialize")
public func prepare(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    guard let folder = getenv("TALKPATH_FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
    for channels in 1...2 {
        guard let file = fopen("\(folder)/made-\(channels)", "w") else { exit(2) }
        let bytes = FuzzTarget.oggSeed(channels: channels)
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }
    exit(0)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // A copy of the exact size: a read beyond it is found when the address sanitizer is there.
    FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutableRawPointer,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The package manager makes the executable's main function of this name, and there is none but libFuzzer's.
@_cdecl("Fuzz_main")
public func main(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var count = count
    var arguments = arguments
    return withUnsafeMutablePointer(to: &arguments) { pointer in
        runDriver(&count, UnsafeMutableRawPointer(pointer)) { fuzzOne($0, $1) }
    }
}

/// Stops with the failed expectation; libFuzzer keeps the input.
func expect(_ condition: Bool, _ words: @autoclosure () -> String, line: UInt = #line) {
    guard !condition else { return }
    // libFuzzer ends without emptying the buffers of standard output.
    let text = "line \(line): \(words())\n"
    _ = write(STDERR_FILENO, text, text.utf8.count)
    abort()
}
