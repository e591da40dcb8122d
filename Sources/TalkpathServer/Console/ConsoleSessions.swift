import TalkpathAudio
import HTTPTypes
import Hummingbird
import Synchronization
import TalkpathCore
import TalkpathWire

/// The console's signed-in sessions. The browser's cookie holds a random token. The server keeps only the token's
/// digest, and never the key. Sessions end with the process. Thread-safe.
final class ConsoleSessions: Sendable {
    struct Session: Sendable {
        var tenant: String
        /// Every request that changes something must carry it. Pages of other sites cannot know it.
        var requestToken: String
        fileprivate var endsAt: MonotonicInstant
    }

    /// The header that carries a session's request token.
    static let requestTokenHeader = HTTPField.Name("X-Request-Token")!

    /// As long as a working day, with a break.
    static let lifetime = Duration.seconds(12 * 3600)

    private struct State {
        var sessions: [[UInt8]: Session] = [:]
        /// Digests in the order in which their sessions began.
        var order: [[UInt8]] = []
    }

    private let state = Mutex(State())
    private let clock: any CallClock
    private let isSecure: Bool
    private let most: Int

    /// - Parameters:
    ///   - isSecure: browsers reach the server over TLS, and must send the cookie only over TLS.
    ///   - most: the most sessions at once. Another one replaces the oldest.
    init(clock: any CallClock, isSecure: Bool, most: Int = 1000) {
        self.clock = clock
        self.isSecure = isSecure
        self.most = most
    }

    // MARK: Signing in and out

    /// - Returns: the session, and the `Set-Cookie` value that gives it to the browser.
    func begin(tenant: String) -> (session: Session, cookie: String) {
        let token = SecureRandom.token()
        let session = Session(
            tenant: tenant,
            requestToken: SecureRandom.token(),
            endsAt: clock.now.advanced(by: Self.lifetime)
        )
        let digest = Self.digest(token)
        state.withLock { state in
            state.sessions[digest] = session
            state.order.append(digest)
            if state.order.count > most { state.sessions[state.order.removeFirst()] = nil }
        }
        return (session, cookie(token, seconds: Int(Self.lifetime.components.seconds)))
    }

    /// - Returns: the `Set-Cookie` value that deletes the browser's cookie.
    func end(_ request: Request) -> String {
        if let token = token(in: request) {
            let digest = Self.digest(token)
            state.withLock { state in
                state.sessions[digest] = nil
                state.order.removeAll { $0 == digest }
            }
        }
        return cookie("", seconds: 0)
    }

    // MARK: Requests

    /// Returns the session of a request; `nil` if there is none.
    ///
    /// - Throws: `forbidden` for a request that does not come from the console's own pages.
    func session(of request: Request) throws(Problem) -> Session? {
        guard let token = token(in: request) else { return nil }
        let digest = Self.digest(token)
        let session = state.withLock { $0.sessions[digest] }
        guard let session, session.endsAt > clock.now else { return nil }
        try Self.checkSite(of: request)
        guard request.method != .get, request.method != .head else { return session }
        let brought = request.headers[Self.requestTokenHeader] ?? ""
        guard TalkpathCrypto.areEqual(brought, session.requestToken) else {
            throw Problem(
                .forbidden,
                .forbidden,
                "Requests of the console must bring '\(Self.requestTokenHeader)': load the page again"
            )
        }
        return session
    }

    /// Checks where a browser says that a request comes from. Allowed are this origin, and a user who typed the address
    /// or opened a bookmark.
    static func checkSite(of request: Request) throws(Problem) {
        guard let site = request.headers[.secFetchSite], site != "same-origin", site != "none" else { return }
        throw Problem(.forbidden, .forbidden, "Pages of other sites may not use the console's session")
    }

    // MARK: The cookie

    /// Browsers accept `__Host-` only with `Secure`, for this host alone and for all its paths.
    private var name: String { isSecure ? "__Host-talkpath" : "talkpath" }

    private func cookie(_ value: String, seconds: Int) -> String {
        "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }

    private func token(in request: Request) -> String? {
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let sides = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                if sides.count == 2, sides[0] == name { return String(sides[1]) }
            }
        }
        return nil
    }

    private static func digest(_ token: String) -> [UInt8] { TalkpathCrypto.sha256(Array(token.utf8)) }
}

extension HTTPField.Name {
    static let secFetchSite = Self("Sec-Fetch-Site")!
}
