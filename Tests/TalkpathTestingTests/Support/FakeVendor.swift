import TalkpathCore
import TalkpathTesting

/// A vendor in memory: takes calls, and is in the trouble that the test says.
actor FakeVendor {
    enum Answer: Sendable {
        case placed(String)
        case ended
        case notKnown
        case refused(String)
        case wrongKey
        case tooMany(retryAfter: Duration)
        case lost
    }

    private(set) var calls: [VendorCall] = []
    private var hangUps: [String: Int] = [:]
    private(set) var condition = VendorCondition.healthy

    func put(_ condition: VendorCondition) { self.condition = condition }

    /// - Returns: nil if the request does not reach the vendor.
    func place(from: String, to: String) async -> Answer? {
        await carryOut(quoting: "\(from) and \(to)") {
            let name = "V\(calls.count + 1)"
            calls.append(VendorCall(name, isLive: true))
            return .placed(name)
        }
    }

    func end(_ name: String) async -> Answer? {
        await carryOut(quoting: name) {
            guard let place = calls.firstIndex(where: { $0.carrierCallID == name && $0.isLive }) else {
                return .notKnown
            }
            calls[place].isLive = false
            return .ended
        }
    }

    /// Ends all calls but that one.
    func endOthers(than name: String) {
        for place in calls.indices where calls[place].carrierCallID != name { calls[place].isLive = false }
    }

    func isLive(_ name: String) -> Bool { calls.contains { $0.carrierCallID == name && $0.isLive } }

    /// - Returns: the hang-ups of that call before this one.
    func noteHangUp(of name: String) -> Int {
        defer { hangUps[name, default: 0] += 1 }
        return hangUps[name, default: 0]
    }

    func firstLive() -> String? { calls.first(where: \.isLive)?.carrierCallID }

    private func carryOut(quoting words: String, _ work: () -> Answer) async -> Answer? {
        switch condition {
        case .healthy: return work()
        case .refusing: return .refused("no calls between \(words)")
        case .refusingKey: return .wrongKey
        case .overloaded(let retryAfter): return .tooMany(retryAfter: retryAfter)
        case .unreachable: return nil
        case .losingAnswers:
            _ = work()
            return .lost
        case .silent:
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
            return .lost
        }
    }
}

struct FakeStage: CarrierStage {
    let vendor = FakeVendor()
    var flaw: CarrierFlaw?
    /// What the stage cannot play.
    var missing: Set<VendorCondition> = []

    func carrier(_ condition: VendorCondition) async throws -> (any Carrier)? {
        guard !missing.contains(condition) else { return nil }
        await vendor.put(condition)
        return FlawedCarrier(vendor: vendor, flaw: flaw)
    }

    func request(for call: CallID) -> PlaceCallRequest {
        PlaceCallRequest(
            callID: call,
            from: "+14155550100",
            to: "+14155550101",
            ringTimeout: .seconds(60),
            timeLimit: .seconds(600),
            publicURL: nil
        )
    }

    func calls() async throws -> [VendorCall] { await vendor.calls }

    func partyHangsUp(_ carrierCallID: String) async throws {
        await vendor.put(.healthy)
        _ = await vendor.end(carrierCallID)
    }

    var unknownCallID: String { "V0" }
    var secrets: [String] { [FlawedCarrier.key] }
}
