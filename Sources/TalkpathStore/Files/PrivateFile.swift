#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Files that only their owner may read.
enum PrivateFile {
    /// Creates an empty file if there is none. SQLite gives its other files the same permissions.
    static func make(at path: String) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(.cannotOpen, "\(path) cannot be opened: \(reason())") }
        _ = close(descriptor)
    }

    static func exists(at path: String) -> Bool { access(path, F_OK) == 0 }

    /// Removes a file of SQLite's, and those beside it.
    static func remove(at path: String) {
        for end in ["", "-wal", "-shm", "-journal"] { unlink(path + end) }
    }

    static func reason() -> String { String(cString: strerror(errno)) }
}
