#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whole files, for replays.
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

    /// Under another name first, so that nothing half-written is ever found under this one.
    package static func write(_ bytes: [UInt8], to path: String) throws(ReplayError) {
        let temporary = path + ".new"
        guard let file = fopen(temporary, "wb") else { throw ReplayError(file: path, detail: reason()) }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count, rename(temporary, path) == 0 else {
            let error = ReplayError(file: path, detail: reason())
            unlink(temporary)
            throw error
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
