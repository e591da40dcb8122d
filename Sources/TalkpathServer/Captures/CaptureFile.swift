#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that grows. For the writing thread; every method may block it.
final class CaptureFile {
    /// The reason why nothing can be written, in the system's words.
    struct Failure: Error {
        var reason: String

        static var ofSystem: Failure { Failure(reason: String(cString: strerror(errno))) }
    }

    private var descriptor: Int32
    /// The number of bytes written so far.
    private(set) var byteCount = 0

    /// Creates a file that only its owner may read. An older file of this name is replaced.
    init(path: String) throws(Failure) {
        descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .ofSystem }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Appends all bytes, or none: a partial write is cut off again.
    func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        try write(bytes, at: byteCount)
        byteCount += bytes.count
    }

    func append(_ bytes: [UInt8]) throws(Failure) {
        try bytes.span.bytes.withUnsafeBytes { bytes throws(Failure) in try append(bytes) }
    }

    func overwriteBeginning(_ bytes: [UInt8]) throws(Failure) {
        try bytes.span.bytes.withUnsafeBytes { bytes throws(Failure) in try write(bytes, at: 0) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at place: Int) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = pwrite(
                descriptor,
                bytes.baseAddress! + written,
                bytes.count - written,
                off_t(place + written)
            )
            if count > 0 {
                written += count
            } else if count == 0 || errno != EINTR {
                let failure = count == 0 ? Failure(reason: "nothing was written") : Failure.ofSystem
                ftruncate(descriptor, off_t(byteCount))
                throw failure
            }
        }
    }
}
