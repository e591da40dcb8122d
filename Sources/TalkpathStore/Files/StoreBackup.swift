import GRDB

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Copies a store's file while a server may be writing to it.
package enum StoreBackup {
    /// Makes a copy as of one moment: whole, without a log beside it, to be read by its owner only.
    ///
    /// The server goes on meanwhile; nothing of it waits. The copy is written under another name and checked before it
    /// gets its own, so that a file of that name is always a good one. Blocks its thread.
    ///
    /// - Parameters:
    ///   - path: the store's file.
    ///   - copy: must not be there.
    /// - Returns: the copy's size in bytes.
    /// - Throws: `StoreError`. What was begun is removed then.
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
            // In one step: a reader's one moment, however long it takes.
            try source.backup(to: target)
            // No log beside the copy: it is one file.
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
