import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The folder that holds one server's files. A file lock protects it; the kernel releases the lock when the process
/// dies.
///
/// Without the lock, a second server on the folder would take the first one's live calls for lost ones.
public final class DataFolder: Sendable {
    public let path: String
    private let lock: Mutex<Int32?>

    /// Creates the folder if it does not exist. Only its owner may enter it.
    /// - Throws: `StoreError`, with the code `inUse` if another process holds the folder.
    public init(_ path: String) throws(StoreError) {
        self.path = path
        try Self.make(path)
        let file = path + "/lock"
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.cannotOpen, "\(file) cannot be opened: \(PrivateFile.reason())")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isInUse = errno == EWOULDBLOCK
            let reason = isInUse ? "another server uses it" : PrivateFile.reason()
            close(descriptor)
            throw StoreError(isInUse ? .inUse : .cannotOpen, "the data folder \(path) cannot be used: \(reason)")
        }
        lock = Mutex(descriptor)
    }

    deinit { release() }

    /// Releases the folder to other processes. Close its files first.
    public func release() {
        lock.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }

    public var storePath: String { path + "/talkpath.sqlite" }

    static func make(_ path: String) throws(StoreError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        for count in parts.indices.map({ $0 + 1 }) {
            let folder = parts.prefix(count).joined(separator: "/")
            guard !folder.isEmpty, mkdir(folder, 0o700) != 0, errno != EEXIST else { continue }
            throw StoreError(.cannotOpen, "the data folder \(path) cannot be made: \(PrivateFile.reason())")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw StoreError(.cannotOpen, "the data folder \(path) is no folder")
        }
    }
}
