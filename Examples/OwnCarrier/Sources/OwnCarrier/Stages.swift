import Foundation
import TalkpathCore
import TalkpathTesting

/// The carrier under test, and the vendor in the trouble that the contract asks for.
struct RinglineStage: CarrierStage {
    let ringline = Ringline()

    func carrier(_ condition: VendorCondition) async throws -> (any Carrier)? {
        await ringline.put(condition)
        return RinglineCarrier(key: Ringline.key) { [ringline] in try await ringline.answer($0) }
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

    func calls() async throws -> [VendorCall] { await ringline.vendorCalls }

    func partyHangsUp(_ carrierCallID: String) async throws { await ringline.partyHangsUp(carrierCallID) }

    var unknownCallID: String { "RL-none" }
    var secrets: [String] { [Ringline.key] }
}

/// A store in a new file for each rule.
struct LineStage: CallStoreStage {
    func emptyStore() async throws -> any CallStore {
        try LineStore(path: FileManager.default.temporaryDirectory.appending(path: "calls-\(UUID()).jsonl").path)
    }

    func reopened(_ store: any CallStore) async throws -> (any CallStore)? {
        guard let store = store as? LineStore else { return nil }
        return try LineStore(path: store.path)
    }

    func discard(_ store: any CallStore) async {
        if let store = store as? LineStore { try? FileManager.default.removeItem(atPath: store.path) }
    }
}
