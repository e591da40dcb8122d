import HTTPTypes

/// The methods that an address accepts, for the answer to other methods.
struct RouteTable: Sendable {
    static let shared = RouteTable(APIDocument.operations)

    private let routes: [(segments: [Substring], operation: Operation)]

    init(_ operations: [Operation]) {
        routes = operations.map { (Self.segments($0.path), $0) }
    }

    private static func segments(_ path: String) -> [Substring] {
        // The router also ignores a slash at the end.
        path.split(separator: "/", omittingEmptySubsequences: true)
    }

    /// The operations at a path, each with another method. Literal parts take precedence over parameters.
    func operations(at path: String) -> [Operation] {
        let segments = Self.segments(path)
        let matching = routes.filter { route in
            route.segments.count == segments.count
                && zip(route.segments, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        guard let best = matching.map({ Self.parameters($0.segments) }).min() else { return [] }
        return matching.filter { Self.parameters($0.segments) == best }.map(\.operation)
    }

    func operation(_ method: HTTPRequest.Method, at path: String) -> Operation? {
        operations(at: path).first { $0.method == method }
    }

    private static func parameters(_ segments: [Substring]) -> Int {
        segments.count { $0.hasPrefix("{") }
    }
}
