import GRDB
import TalkpathCore
import TalkpathWire

/// A fault of the store. Never holds the data that were to be written.
public struct StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The file or its folder cannot be used.
        case cannotOpen
        /// Another process uses the store.
        case inUse
        /// A newer version of this program wrote the store.
        case newerVersion
        /// The disk or the quota is full.
        case full
        /// The file is damaged.
        case damaged
        /// The disk failed, the file is read-only, or another program has locked it.
        case unavailable
        /// One row is damaged or was written by a newer version. The other rows can be read.
        case unreadable
        /// Another node has taken the calls of this one, or the call that the write was about.
        case notOwner
        case failed

        /// True if the store is at fault, rather than the request. A later attempt may succeed.
        var isOfTheStore: Bool {
            switch self {
            case .cannotOpen, .inUse, .full, .damaged, .unavailable: true
            case .newerVersion, .unreadable, .notOwner, .failed: false
            }
        }
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
        self.init(Self.code(of: error), "the store could not be written: \(Self.reason(of: error))")
    }

    init(reading error: DatabaseError) {
        self.init(Self.code(of: error), "the store could not be read: \(Self.reason(of: error))")
    }

    static func unreadable(_ part: String, _ error: any Error) -> StoreError {
        StoreError(.unreadable, "the \(part) cannot be read: \(reading(error))")
    }

    private static func code(of error: any Error) -> Code {
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_FULL?: .full
        case .SQLITE_CORRUPT?, .SQLITE_NOTADB?: .damaged
        case .SQLITE_IOERR?, .SQLITE_READONLY?, .SQLITE_CANTOPEN?, .SQLITE_BUSY?, .SQLITE_LOCKED?, .SQLITE_PERM?,
            .SQLITE_NOMEM?:
            .unavailable
        default: .failed
        }
    }

    /// The reason why a row cannot be read, without its content.
    static func reading(_ error: any Error) -> String {
        switch error {
        case let error as TalkpathCore.RecordError: error.description
        case is JSONFault: "it is no JSON"
        default: reason(of: error)
        }
    }

    /// SQLite's own message, without the statement and its arguments, which hold numbers and transcripts.
    static func reason(of error: any Error) -> String {
        switch error {
        case let error as DatabaseError: error.message ?? "SQLite code \(error.extendedResultCode.rawValue)"
        case let error as StoreError: error.message
        default: "\(type(of: error))"
        }
    }
}

extension Error {
    /// True if the store is at fault, rather than the request. The store reports such faults itself, once.
    package var isOfTheStore: Bool { (self as? StoreError)?.code.isOfTheStore ?? false }
}
