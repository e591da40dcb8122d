import HTTPTypes
import Hummingbird
import Logging
import TalkpathCore
import TalkpathWire

/// The context of a request.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The tenant of the request's key.
    var tenant = ""
    /// True if another node has forwarded the request. This node then answers it in every case.
    var isForwarded = false

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
    }
}

/// Turns errors into answers.
struct ProblemMiddleware: RouterMiddleware {
    let logger: Logger
    /// Called with each path that no route has.
    var noteUnknown: @Sendable (String) -> Void = { _ in }

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let response = try await answer(to: request, context: context, next: next)
        // The answers to errors have bodies, which HEAD must not have.
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(
        to request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return problem.response
        } catch let error as HTTPError {
            guard error.status == .notFound else {
                return Problem(error.status, .invalidField, error.body ?? error.status.reasonPhrase).response
            }
            return nothing(for: request)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            let problem = Problem(unexpected: error)
            // The store reports its own faults, once.
            if problem.code != .storeUnavailable {
                logger.error("A request failed", metadata: ["error_type": "\(type(of: error))"])
            }
            return problem.response
        }
    }
}

extension ProblemMiddleware {
    /// Answers a request that no route serves: the address is unknown, or the method is wrong.
    private func nothing(for request: Request) -> Response {
        if request.uri.path == HangUpRoute.path { return HangUpRoute.methodNotAllowed(request.method) }
        var methods = RouteTable.shared.operations(at: request.uri.path).map(\.method.rawValue)
        // HEAD is allowed with GET.
        if let get = methods.firstIndex(of: "GET") { methods.insert("HEAD", at: get + 1) }
        guard !methods.isEmpty, !methods.contains(request.method.rawValue) else {
            noteUnknown(request.uri.path)
            return Problem(.notFound, .notFound, "There is no such route").response
        }
        var problem = Problem(
            .methodNotAllowed,
            .methodNotAllowed,
            "This address knows \(methods.joined(separator: ", ")) only"
        )
        problem.headers[.allow] = methods.joined(separator: ", ")
        return problem.response
    }
}

/// In development, allows requests from this machine only. The server asks for no key then, so that a tunnel or a page
/// in a browser could make calls at the operator's cost.
struct LoopbackGuard {
    /// Returns the sign that a request does not come from a program on this machine; `nil` if there is none.
    static func objection(authority: String?, origin: String?, headerNames: some Sequence<String>) -> String? {
        guard let authority, Loopback.isLoopback(authority: authority) else {
            return "In development only requests to localhost are served"
        }
        if let origin, !Loopback.isLoopback(origin: origin) {
            return "In development no pages of other sites are served"
        }
        let isForwarded = headerNames.contains { name in
            let name = name.lowercased()
            return name == "forwarded" || name.hasPrefix("x-forwarded-") || name == "x-real-ip" || name == "via"
        }
        return isForwarded ? "In development no forwarded requests are served" : nil
    }
}

struct LoopbackMiddleware: RouterMiddleware {
    /// Reports why a request was refused. The text holds nothing of the request.
    let tell: @Sendable (String) -> Void

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let objection = LoopbackGuard.objection(
            authority: request.head.authority,
            origin: request.headers[.origin],
            headerNames: request.headers.lazy.map(\.name.rawName)
        )
        if let objection {
            tell(objection)
            throw Problem(.forbidden, .forbidden, objection)
        }
        return try await next(request, context)
    }
}

/// Admits requests with a valid key (RFC 6750), before their body is read, and requests of the console with a valid
/// session.
struct KeyMiddleware: RouterMiddleware {
    let keys: Keys
    /// `nil` if there is no console.
    let sessions: ConsoleSessions?
    private let state: ServerState

    init(_ state: ServerState) {
        self.state = state
        keys = Keys(state.configuration.apiKeys, isOpen: state.configuration.isDevelopment)
        sessions = state.consoleSessions
    }

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let forwarded = try await state.nodes?.admit(request) {
            context.tenant = forwarded.tenant
            context.isForwarded = true
            return try await next(forwarded.request, context)
        }
        guard let tenant = try tenant(of: request) else { throw Self.missingKey }
        context.tenant = tenant
        guard let nodes = state.nodes else { return try await next(request, context) }
        return try await nodes.route(request, context, isHere: state.isHere, next: next)
    }

    private func tenant(of request: Request) throws(Problem) -> String? {
        let authorization = request.headers[.authorization]
        if let tenant = keys.tenant(authorization: authorization) { return tenant }
        // A cookie must not make up for a wrong key.
        guard authorization == nil else { return nil }
        return try sessions?.session(of: request)?.tenant
    }

    static var missingKey: Problem {
        var problem = Problem(.unauthorized, .unauthorized, "A valid key is needed: Authorization: Bearer <key>")
        problem.headers[.wwwAuthenticate] = #"Bearer realm="talkpath""#
        return problem
    }
}

/// Refuses unknown query fields, because a misspelt filter must not be ignored. For our own routes only: the compatible
/// ones ignore such fields, as their originals do.
struct QueryMiddleware: RouterMiddleware {
    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        if let query = request.uri.query, !query.isEmpty,
            let operation = RouteTable.shared.operation(
                request.method == .head ? .get : request.method,
                at: request.uri.path
            )
        {
            let known = operation.parameters.filter { $0.place == .query }.map(\.name)
            var seen: Set<String> = []
            for (name, _) in try request.fields().fields {
                guard known.contains(name) else {
                    throw Problem(.unprocessableContent, .unknownField, "Unknown query field '\(name)'")
                }
                guard seen.insert(name).inserted else { throw JSONBody.invalid(name, "must not come twice") }
            }
        }
        return try await next(request, context)
    }
}

/// The valid keys. All of them are compared, in constant time.
struct Keys: Sendable {
    private let digests: [(digest: [UInt8], tenant: String)]
    /// True if no key is needed.
    let isOpen: Bool

    /// - Parameter isOpen: if there are no keys, every client acts as the default tenant.
    init(_ keys: [ServerConfiguration.APIKey], isOpen: Bool) {
        // Digests have equal lengths, so that the time of a comparison does not reveal a key's length.
        digests = keys.map { (digest: TalkpathCrypto.sha256(Array($0.secret.utf8)), tenant: $0.tenant) }
        self.isOpen = isOpen && keys.isEmpty
    }

    /// - Parameter authorization: the value of the `Authorization` header.
    func tenant(authorization: String?) -> String? {
        if isOpen { return ServerConfiguration.APIKey.defaultTenant }
        guard let authorization else { return nil }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return tenant(key: String(parts[1].drop { $0 == " " }))
    }

    /// - Parameter key: the key itself.
    func tenant(key: String) -> String? {
        let digest = TalkpathCrypto.sha256(Array(key.utf8))
        var tenant: String?
        for key in digests where TalkpathCrypto.areEqual(key.digest, digest) { tenant = key.tenant }
        return tenant
    }
}
