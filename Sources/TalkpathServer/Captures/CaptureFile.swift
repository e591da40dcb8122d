#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that grows. On the writing thread; every call may block there.
final class CaptureFile {
    /// The reason for which nothing can be written, in the system's words.
    struct Failure: Error {
        var reason: String

        static var ofSystem: Failure { Failure(reason: String(cString: strerror(errno))) }
    }

    private var descriptor: Int32
    /// Of what was written, the beginning that may be written over once more.
    private(set) var byteCount = 0

    /// Readable by its owner only; an older file of this name is replaced.
    init(path: String) throws(Failure) {
        descriptor = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .ofSystem }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// All of it, or nothing that lasts: what could be written only in part is cut off again.
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
