import GRDB

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Copies a store's file while a server may be writing to it.
package enum StoreBackup {
    /// Copies the store as of one moment, into one file without a log, which only its owner may read.
    ///
    /// The server is not held up. The copy is written under another name and checked before it gets its final name, so
    /// that a file of that name is always a good one. Blocks the calling thread.
    ///
    /// - Parameters:
    ///   - path: the store's file.
    ///   - copy: the file to create. It must not exist.
    /// - Returns: the copy's size in bytes.
    /// - Throws: `StoreError`. An unfinished copy is removed.
    package static func make(of path: String, at copy: String) throws(StoreError) -> Int {
        guard access(path, F_OK) == 0 else { throw StoreError(.cannotOpen, "there is no store at \(path)") }
        guard access(copy, F_OK) != 0 else {
            throw StoreError(.cannotOpen, "\(copy) is there already: name a file that is not")
        }
        let partial = copy + ".partial"
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(partial + suffix) }
        do {
            try PrivateFile.make(at: partial)
            try fill(partial, from: path)
            guard rename(partial, copy) == 0 else {
                throw StoreError(.cannotOpen, "\(copy) cannot be made: \(PrivateFile.reason())")
            }
            var status = stat()
            return stat(copy, &status) == 0 ? Int(status.st_size) : 0
        } catch {
            unlink(partial)
            throw error as? StoreError ?? StoreError(writing: error)
        }
    }

    private static func fill(_ partial: String, from path: String) throws {
        var reading = Configuration()
        reading.readonly = true
        reading.busyMode = .timeout(5)
        let source = try DatabaseQueue(path: path, configuration: reading)
        defer { try? source.close() }
        if try source.read(StoreSchema.migrator.hasBeenSuperseded) { throw StoreError.newerVersion }
        let target = try DatabaseQueue(path: partial)
        do {
            // Copy in one step, as one read transaction: the copy shows one moment, however long it takes.
            try source.backup(to: target)
            // Switch the log off, so that the copy is a single file.
            try target.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = DELETE") }
            if let fault = StoreFile.fault(in: target) {
                throw StoreError(.damaged, "the store is damaged (\(fault)): start the server once, which repairs it")
            }
        } catch {
            try? target.close()
            throw error
        }
        try target.close()
        let descriptor = open(partial, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(.cannotOpen, "the copy cannot be read: \(PrivateFile.reason())") }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw StoreError(.unavailable, "the copy could not be brought to the disk: \(PrivateFile.reason())")
        }
    }
}
