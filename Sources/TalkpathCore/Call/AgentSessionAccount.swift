/// The time that a model's provider bills for a call, and the reason for which it closed the latest session.
public struct AgentSessionAccount: Equatable, Sendable {
    /// In the provider's word; `nil` if the provider did not say that it closed the session.
    public var closing: String?
    /// Of the sessions before the present one.
    private var before = 0
    private var present = 0

    /// Of all sessions of the call.
    public var billedSeconds: Int { before + present }

    public init(closing: String? = nil, billedSeconds: Int = 0) {
        self.closing = closing
        present = min(max(0, billedSeconds), Self.most)
    }

    /// Keeps sums from overflowing.
    private static let most = 1 << 40

    mutating func sessionBegan() {
        before = min(before + present, Self.most)
        present = 0
        closing = nil
    }

    /// - Parameter seconds: of the present session so far.
    mutating func bill(_ seconds: Int, closing: String?) {
        present = min(max(present, seconds), Self.most)
        self.closing = closing ?? self.closing
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.closing == right.closing && left.billedSeconds == right.billedSeconds
    }
}
