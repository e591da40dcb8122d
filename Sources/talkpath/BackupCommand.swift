import ArgumentParser
import Foundation
import TalkpathStore

/// `talkpath backup FILE`: copies the store into one file, whether the server runs or not.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the store into one file, while the server runs or not.",
        discussion: """
            The copy holds calls, agents, events and webhooks with their secrets as of one moment; it is checked, and \
            only its owner may read it. Recordings and captures are files of their own: copy their folder as well.

            To go back to a copy: stop the server, remove talkpath.sqlite, talkpath.sqlite-wal and talkpath.sqlite-shm \
            from the data folder, and put the copy there as talkpath.sqlite.

            A store in PostgreSQL (TALKPATH_DATABASE_URL) is copied by PostgreSQL's own pg_dump, and brought back by \
            pg_restore.
            """
    )

    @Argument(help: ArgumentHelp("The file to write; it must not exist yet.", valueName: "file"))
    var file: String

    @Option(name: .long, help: ArgumentHelp("Instead of TALKPATH_DATA_FOLDER.", valueName: "folder"))
    var data: String?

    func run() async throws {
        if data == nil, ProcessInfo.processInfo.environment["TALKPATH_DATABASE_URL"] != nil {
            throw StoreError(
                .cannotOpen,
                "the store is in PostgreSQL: copy it by pg_dump --format=custom, or name a --data folder"
            )
        }
        let folder = data ?? ProcessInfo.processInfo.environment["TALKPATH_DATA_FOLDER"] ?? "talkpath-data"
        let bytes = try StoreBackup.make(of: folder + "/talkpath.sqlite", at: file)
        print("\(file): \(bytes) bytes")
    }
}
