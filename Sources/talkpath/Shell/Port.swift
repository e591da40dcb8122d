import ArgumentParser

/// A TCP port as an option. Text that is not a port is refused.
enum Port {
    /// A port to listen on; 0 chooses a free one.
    @Sendable static func toListenOn(_ text: String) throws -> Int {
        guard let port = Int(text), (0...65_535).contains(port) else {
            throw ValidationError("a port is a number from 0 to 65535 (0 takes a free one)")
        }
        return port
    }
}
