public import TalkpathStore

extension ServerConfiguration {
    /// Storage: the folder, the durability, and how long things are kept.
    public struct Storage: Equatable, Sendable {
        /// The folder of the store and of everything else that is kept; made if it is not there. `nil` keeps everything
        /// in memory, and the server forgets it when it stops: for tests and for work on one's own machine.
        public var folder: String?
        /// Where calls, agents and events are kept instead of a file in the folder.
        public var database: Database?
        /// The failure that a finished write survives.
        public var durability = SQLiteCallStore.Durability.process
        public var transcripts = Retention.forever
        public var recordings = Retention.forever
        /// Records of calls, with everything that belongs to them.
        public var calls = Retention.forever
        /// Events that every endpoint has received.
        public var events = Retention.days(30)

        public init(folder: String? = nil) {
            self.folder = folder
        }
    }

    /// A database of PostgreSQL.
    public struct Database: Equatable, Sendable {
        /// As libpq reads it. A password may stand in it.
        public var url: String

        public init(url: String) {
            self.url = url
        }
    }

    /// The time for which something is kept after a call's end.
    public enum Retention: Hashable, Sendable {
        /// Not at all: it is never written.
        case off
        case days(Int)
        case forever

        /// `off`, `forever` or a number of days.
        init?(setting text: String) {
            switch text {
            case "off": self = .off
            case "forever": self = .forever
            default:
                guard let days = Int(text), (1...36_500).contains(days) else { return nil }
                self = .days(days)
            }
        }

        public var isOff: Bool { self == .off }
    }
}

/// Neither `print` nor `dump` show the password.
extension ServerConfiguration.Database: CustomStringConvertible, CustomReflectable {
    public var description: String { "PostgreSQL" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
