import GRDB

/// What the store could not do. Never holds what was to be written.
public struct StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The file or its folder cannot be used.
        case cannotOpen
        /// Another process has it.
        case inUse
        /// Written by a newer version of this program.
        case newerVersion
        /// The disk or the quota is full.
        case full
        /// The file is damaged.
        case damaged
        case failed
    }

    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    static let newerVersion = StoreError(
        .newerVersion,
        "the store was written by a newer version of this program: start that one, or name another data folder"
    )

    init(writing error: any Error) {
        if let error = error as? StoreError {
            self = error
            return
        }
        let code: Code =
            switch (error as? DatabaseError)?.resultCode {
            case .SQLITE_FULL?, .SQLITE_IOERR?: .full
            case .SQLITE_CORRUPT?, .SQLITE_NOTADB?: .damaged
            default: .failed
            }
        self.init(code, "the store could not be written: \(Self.reason(of: error))")
    }

    /// SQLite's own words, without statements and their arguments, which hold numbers and transcripts.
    static func reason(of error: any Error) -> String {
        switch error {
        case let error as DatabaseError: error.message ?? "SQLite code \(error.extendedResultCode.rawValue)"
        case let error as StoreError: error.message
        default: "\(type(of: error))"
        }
    }
}
