#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads and writes whole files, for replays.
package enum ReplayFile {
    package static func bytes(of path: String) throws(ReplayError) -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw ReplayError(file: path, detail: reason()) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            bytes += piece.prefix(count)
            if count < piece.count { break }
        }
        if ferror(file) != 0 { throw ReplayError(file: path, detail: reason()) }
        return bytes
    }

    /// Writes a file under a temporary name first, so that the path never holds half a file. Writes directly to
    /// anything that is not a regular file, such as a pipe or a device. Keeps a symbolic link as a link.
    package static func write(_ bytes: [UInt8], to path: String) throws(ReplayError) {
        var status = stat()
        guard stat(path, &status) == 0 else { return try replace(path, with: bytes, as: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            guard put(bytes, into: path) else { throw ReplayError(file: path, detail: reason()) }
            return
        }
        let place = realpath(path, nil)
        defer { free(place) }
        try replace(place.map { String(cString: $0) } ?? path, with: bytes, as: path)
    }

    private static func replace(_ place: String, with bytes: [UInt8], as path: String) throws(ReplayError) {
        let temporary = place + ".new"
        guard put(bytes, into: temporary), rename(temporary, place) == 0 else {
            let error = ReplayError(file: path, detail: reason())
            unlink(temporary)
            throw error
        }
    }

    /// - Returns: false if not everything could be written; `errno` tells the reason.
    private static func put(_ bytes: [UInt8], into path: String) -> Bool {
        guard let file = fopen(path, "wb") else { return false }
        let written = fwrite(bytes, 1, bytes.count, file)
        let problem = errno
        guard fclose(file) == 0 else { return false }
        if written < bytes.count { errno = problem }
        return written == bytes.count
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
