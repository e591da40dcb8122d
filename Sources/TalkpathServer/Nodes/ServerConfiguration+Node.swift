import TalkpathWire

extension ServerConfiguration {
    /// One of several servers on one PostgreSQL database.
    public struct Node: Equatable, Sendable {
        /// The address at which the other nodes reach this one, such as `http://10.0.0.5:8080`. Its host and port are
        /// the node's name.
        public var url: String
        /// The secret by which the nodes know each other.
        public var secret: String
        /// The origin at which the carrier reaches this node and no other, for media sockets. `nil` sends them to the
        /// public address, from which a node that has not the call relays them.
        public var mediaURL: String?

        public init(url: String, secret: String, mediaURL: String? = nil) {
            self.url = url
            self.secret = secret
            self.mediaURL = mediaURL
        }

        /// The node's name.
        var id: String {
            let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
            return String(url[start...])
        }
    }

    static func node(_ settings: inout SettingsReader) -> Node? {
        let (url, secret) = (settings.text(.nodeURL), settings.text(.nodeSecret))
        let media = settings.text(.nodeMediaURL)
        guard url != nil || secret != nil || media != nil else { return nil }
        return Node(url: url ?? "", secret: secret ?? "", mediaURL: media)
    }

    func nodeProblems() -> [ConfigurationError.Problem] {
        guard let node else { return [] }
        var problems: [ConfigurationError.Problem] = []
        let origin = PublicOrigin(node.url, allowsPlain: true)
        if node.url.isEmpty {
            problems.append(problem(.nodeURL, "is missing: a node needs an address for the other nodes"))
        } else if origin == nil || origin?.path != nil {
            problems.append(
                problem(.nodeURL, "must be an http or https address without a path, such as http://10.0.0.5:8080")
            )
        }
        if node.secret.isEmpty {
            problems.append(problem(.nodeSecret, "is missing: the nodes know each other by it"))
        } else if node.secret.utf8.count < Self.shortestNodeSecret {
            problems.append(problem(.nodeSecret, "must have at least \(Self.shortestNodeSecret) characters"))
        }
        if let media = node.mediaURL, PublicOrigin(media, allowsPlain: isDevelopment) == nil {
            problems.append(
                problem(
                    .nodeMediaURL,
                    "must be an \(isDevelopment ? "http or https" : "https") address without query, such as "
                        + "https://node-1.voice.example.com"
                )
            )
        }
        if storage.database == nil {
            problems.append(
                problem(.nodeURL, "needs \(Setting.databaseURL.rawValue): nodes share a database of PostgreSQL")
            )
        }
        return problems
    }

    private static let shortestNodeSecret = 32
}

/// Keeps the secret out of `print` and `dump`.
extension ServerConfiguration.Node: CustomStringConvertible, CustomReflectable {
    public var description: String { "node \(id)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
