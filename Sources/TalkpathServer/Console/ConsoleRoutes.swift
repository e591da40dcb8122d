import Logging
import HTTPTypes
import Hummingbird
import NIOCore
import TalkpathConsole
import TalkpathCore
import TalkpathWire

/// The console in a browser, at `/console`: its files, and signing in and out. The console uses the control API for
/// everything else.
struct ConsoleRoutes {
    let state: ServerState
    let sessions: ConsoleSessions

    private var keys: Keys { Keys(state.configuration.apiKeys, isOpen: state.configuration.isDevelopment) }

    func add(to router: Router<ServerContext>) {
        let console = router.group("console").add(middleware: ConsoleHeaders())
        console.get("") { request, _ in try Self.file("index.html", request) }
        console.get("session", use: show)
        console.post("session", use: signIn)
        console.delete("session", use: signOut)
        console.get(":file") { request, context in try Self.file(context.parameters.get("file") ?? "", request) }
    }

    // MARK: Files

    private static let files = Dictionary(
        uniqueKeysWithValues: ConsoleFile.all.map { file in
            let digest = TalkpathCrypto.hexadecimal(Array(TalkpathCrypto.sha256(file.bytes).prefix(12)))
            return (file.name, (type: file.type, body: ByteBuffer(bytes: file.bytes), tag: "\"\(digest)\""))
        }
    )

    private static func file(_ name: String, _ request: Request) throws -> Response {
        guard let file = files[name] else {
            throw Problem(.notFound, .notFound, "There is nothing at this address")
        }
        // The browser asks again each time, and gets the file again if it has changed.
        let headers: HTTPFields = [.eTag: file.tag, .cacheControl: "no-cache"]
        if request.headers[.ifNoneMatch] == file.tag { return Response(status: .notModified, headers: headers) }
        var response = Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: file.body))
        response.headers[.contentType] = file.type
        return response
    }

    // MARK: The session

    @Sendable private func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        if keys.isOpen { return .json(Self.json(tenant: ServerConfiguration.APIKey.defaultTenant, token: "", true)) }
        guard let session = try sessions.session(of: request) else { return .json(["signed_in": false]) }
        return .json(Self.json(tenant: session.tenant, token: session.requestToken, false))
    }

    private static func json(tenant: String, token: String, _ isOpen: Bool) -> JSONValue {
        [
            "signed_in": true, "tenant": .string(tenant), "request_token": .string(token), "open": .bool(isOpen),
        ]
    }

    /// Body: `{"key"}`.
    @Sendable private func signIn(_ request: Request, _ context: ServerContext) async throws -> Response {
        // Without this check, another site could sign the browser in with its own key, and watch the user's actions.
        try ConsoleSessions.checkSite(of: request)
        guard request.headers[.contentType]?.lowercased().hasPrefix("application/json") ?? false else {
            throw Problem(.unsupportedMediaType, .invalidField, "The body must be application/json")
        }
        let body = try JSONBody(await request.bytes(), .object(.required("key", .text(1...1000))))
        guard let tenant = keys.tenant(key: body.text("key") ?? "") else {
            state.tell("A key was refused at the console", cause: "console: key")
            throw Problem(.unauthorized, .unauthorized, "The server does not know this key")
        }
        let (session, cookie) = sessions.begin(tenant: tenant)
        var response = Response.json(Self.json(tenant: session.tenant, token: session.requestToken, false))
        response.headers[.setCookie] = cookie
        return response
    }

    @Sendable private func signOut(_ request: Request, _ context: ServerContext) async throws -> Response {
        _ = try sessions.session(of: request)
        return Response(status: .noContent, headers: [.setCookie: sessions.end(request)])
    }
}

/// The security headers of the console's answers: no foreign content is loaded or run, and no other page may frame it.
struct ConsoleHeaders: RouterMiddleware {
    static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "media-src 'self' blob:",
        "connect-src 'self'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")

    private static let fields: HTTPFields = [
        .contentSecurityPolicy: policy, .xContentTypeOptions: "nosniff", .referrerPolicy: "no-referrer",
        .crossOriginOpenerPolicy: "same-origin", .crossOriginResourcePolicy: "same-origin",
        .permissionsPolicy: "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
    ]

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch let problem as Problem {
            response = problem.response
        }
        for field in Self.fields { response.headers[field.name] = field.value }
        return response
    }
}

extension HTTPField.Name {
    static let referrerPolicy = Self("Referrer-Policy")!
    static let crossOriginOpenerPolicy = Self("Cross-Origin-Opener-Policy")!
    static let permissionsPolicy = Self("Permissions-Policy")!
}
