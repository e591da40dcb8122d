import TalkpathCore
import TalkpathStore

/// The secrets that sign an endpoint's events.
enum WebhookSecrets: Sendable {
    /// Secrets of the configuration.
    case fixed([WebhookSecret])
    /// The endpoint's own secrets. They are read from the store for each use, because they may be replaced at any time.
    case kept(endpoint: String, SQLCallStore)

    /// - Returns: the newest first; none if the endpoint was deleted.
    func current(at now: WallTime) async throws -> [WebhookSecret] {
        switch self {
        case .fixed(let secrets):
            return secrets
        case .kept(let id, let store):
            guard let endpoint = try await store.endpoint(id) else { return [] }
            var texts = [endpoint.secret]
            if let earlier = endpoint.earlier, now < earlier.until { texts.append(earlier.secret) }
            return texts.compactMap(WebhookSecret.init)
        }
    }
}
