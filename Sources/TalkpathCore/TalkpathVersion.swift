/// The version of the project, in one place: the command line, `/health`, the OpenAPI document and the requests that go
/// out show it.
public enum TalkpathVersion {
    /// Semantic Versioning, without a prefix.
    public static let current = "0.9.0"

    /// The `User-Agent` of requests to models, carriers, webhooks and functions.
    package static let userAgent = "Talkpath/\(current)"
}
