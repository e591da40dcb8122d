import TalkpathServer

/// The address of a server, as the user gave it: an origin, with an optional path before the server's own routes.
struct ServerAddress: Equatable {
    /// The address without a slash at its end.
    let text: String

    struct Flaw: Error, Equatable {
        /// Continues a sentence that begins with "the address".
        var words: String
    }

    init(_ text: String) throws(Flaw) {
        guard !text.isEmpty else { throw Flaw(words: "is empty") }
        guard let colon = text.firstRange(of: "://") else {
            throw Flaw(words: "must begin with http:// or https://")
        }
        let scheme = text[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else {
            throw Flaw(words: "must begin with http:// or https://, not with \(scheme)://")
        }
        let rest = text[colon.upperBound...]
        guard !rest.contains("?"), !rest.contains("#") else { throw Flaw(words: "must end before ? and #") }
        let path = rest.drop { $0 != "/" }
        for end in ["/api", "/api/calls"] where path.hasSuffix(end) || path.hasSuffix(end + "/") {
            throw Flaw(words: "must be the server's own, without \(end)")
        }
        do throws(OutboundAddressError) {
            _ = try OutboundURL(scheme + text[colon.lowerBound...])
        } catch {
            throw Flaw(words: error.message)
        }
        guard !path.contains("//") else { throw Flaw(words: "has an empty part in its path") }
        self.text = text.hasSuffix("/") ? String(text.dropLast()) : text
    }
}
