/// Text from peers (models, carriers, clients with a socket or a request) on its way into a log.
extension String {
    /// As it may stand in a log: one line of printable ASCII, not long. Anything else shows as a question mark, so that
    /// no peer can begin a line of its own, command a terminal, or fill a disk.
    package var asLogged: String {
        let printable = unicodeScalars.lazy.map { (0x20..<0x7F).contains($0.value) ? Character($0) : "?" }
        return String(printable.prefix(200))
    }
}
