public import TalkpathStore

extension ServerConfiguration {
    /// The storage: the folder, the durability, and the retention.
    public struct Storage: Equatable, Sendable {
        /// The folder of the store and of all other data; created if it does not exist. `nil` keeps everything in
        /// memory until the server stops, for tests and for development.
        public var folder: String?
        /// The database that keeps calls, agents and events, instead of a file in the folder.
        public var database: Database?
        /// The failure that a finished write survives.
        public var durability = SQLCallStore.Durability.process
        public var transcripts = Retention.forever
        public var recordings = Retention.forever
        /// Records of calls, with all their data.
        public var calls = Retention.forever
        /// Events that every endpoint has received.
        public var events = Retention.days(30)

        public init(folder: String? = nil) {
            self.folder = folder
        }
    }

    /// A PostgreSQL database.
    public struct Database: Equatable, Sendable {
        /// The address in the form that libpq reads. It may contain a password.
        public var url: String

        public init(url: String) {
            self.url = url
        }
    }

    /// The time for which data are kept after a call's end.
    public enum Retention: Hashable, Sendable {
        /// Never written at all.
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

/// Keeps the password out of `print` and `dump`.
extension ServerConfiguration.Database: CustomStringConvertible, CustomReflectable {
    public var description: String { "PostgreSQL" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
