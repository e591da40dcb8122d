#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A conversion of bytes in a ``BytePipe``.
protocol PipeStage: ~Copyable {
    /// The bytes of one unit. `convert` is given whole multiples of it.
    var unit: Int { get }

    /// Appends the converted `input` to `output`.
    mutating func convert(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws

    /// Appends the rest of the output, after the end of the input.
    mutating func finish(into output: inout [UInt8]) throws
}

/// Runs standard input through a stage to standard output, in blocks. The output does not depend on the size of the
/// blocks.
///
/// Converts input as it arrives, so the pipe may be live. When the reader closes its end, the pipe stops without an
/// error.
struct BytePipe {
    /// The largest block, in the stage's units.
    var blockUnits: Int
    var input: CInt = STDIN_FILENO
    var output: CInt = STDOUT_FILENO

    func run<Stage: PipeStage & ~Copyable>(_ stage: inout Stage) throws(PipeError) {
        // Without this, a reader that closes the pipe would kill the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        do {
            try transfer(&stage)
        } catch PipeError.readerIsGone {
            return
        }
    }

    private func transfer<Stage: PipeStage & ~Copyable>(_ stage: inout Stage) throws(PipeError) {
        let unit = stage.unit
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: blockUnits * unit, alignment: 16)
        defer { block.deallocate() }
        var converted: [UInt8] = []
        var filled = 0
        while let count = try readSome(into: UnsafeMutableRawBufferPointer(rebasing: block[filled...])) {
            filled += count
            let whole = filled - filled % unit
            guard whole > 0 else { continue }
            try Self.failing { try stage.convert(UnsafeRawBufferPointer(rebasing: block[..<whole]), into: &converted) }
            try writeAll(&converted)
            block.copyBytes(from: block[whole..<filled])
            filled -= whole
        }
        try Self.failing { try stage.finish(into: &converted) }
        try writeAll(&converted)
        if filled > 0 { throw .unfinishedSample(bytes: filled, of: unit) }
    }

    /// - Returns: the bytes read, at least one; `nil` at the end of the input.
    private func readSome(into buffer: UnsafeMutableRawBufferPointer) throws(PipeError) -> Int? {
        while true {
            let count = read(input, buffer.baseAddress, buffer.count)
            if count > 0 { return count }
            if count == 0 { return nil }
            guard errno == EINTR else { throw .cannotRead(Self.reason) }
        }
    }

    private func writeAll(_ bytes: inout [UInt8]) throws(PipeError) {
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes { write(output, $0.baseAddress! + position, $0.count - position) }
            if count >= 0 {
                position += count
            } else if errno == EPIPE {
                throw .readerIsGone
            } else if errno != EINTR {
                throw .cannotWrite(Self.reason)
            }
        }
        bytes.removeAll(keepingCapacity: true)
    }

    private static func failing(_ body: () throws -> Void) throws(PipeError) {
        do { try body() } catch { throw .stageFailed("\(error)") }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}

/// The reason for which a pipe did not reach its end, or ended within a sample.
enum PipeError: Error, Equatable, CustomStringConvertible {
    case readerIsGone
    case cannotRead(String)
    case cannotWrite(String)
    case stageFailed(String)
    /// The input ended within a sample. Everything before that sample was converted and written.
    case unfinishedSample(bytes: Int, of: Int)

    var description: String {
        switch self {
        case .readerIsGone: "the reader of the output is gone"
        case .cannotRead(let reason): "cannot read standard input: \(reason)"
        case .cannotWrite(let reason): "cannot write standard output: \(reason)"
        case .stageFailed(let reason): reason
        case .unfinishedSample(let bytes, let unit):
            "the input ends with \(bytes) byte\(bytes == 1 ? "" : "s") of a sample of \(unit): "
                + "all before was converted, but it may not be 16-bit audio, or cut off"
        }
    }
}
