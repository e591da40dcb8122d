import Synchronization
import TalkpathCore

/// The accounts at the carrier: one that tenants share, and some tenants' own.
///
/// A call goes over its tenant's account, and is hung up there. Which account that was is remembered until the carrier has
/// confirmed the call's end, however that came; at most for as long as a call can be.
///
/// A hang-up that outlives its process goes to its tenant's account; where not even the tenant is known, each
/// account is asked in turn, for a name of a call is known to one of them only.
final class TenantCarriers: Carrier, CallEventSink {
    private let shared: (any Carrier)?
    private let own: [String: any Carrier]
    private let destinations: Destinations
    /// By the carrier's names of calls; only of tenants with an account of their own.
    private let remembered = Mutex(Remembered())

    private struct Remembered {
        struct Entry {
            var tenant: String
            var since: ContinuousClock.Instant
        }

        var entries: [String: Entry] = [:]
        var names: [CallID: String] = [:]
        /// So many may be there before the old ones are looked for.
        var purgeAt = 1000

        /// No carrier lets a call run longer.
        static let longestCall = Duration.seconds(25 * 3600)

        mutating func forget(_ name: String) { entries[name] = nil }

        mutating func purge(at now: ContinuousClock.Instant) {
            guard entries.count >= purgeAt else { return }
            entries = entries.filter { now - $0.value.since < Self.longestCall }
            names = names.filter { entries[$0.value] != nil }
            purgeAt = max(1000, entries.count * 2)
        }
    }

    init(shared: (any Carrier)?, own: [String: any Carrier], destinations: Destinations) {
        self.shared = shared
        self.own = own
        self.destinations = destinations
    }

    /// The carrier of a tenant's calls.
    func carrier(of tenant: String) -> (any Carrier)? { own[tenant] ?? shared }

    /// The account that is a tenant's: the shared one is whose server it is.
    func account(of tenant: String) -> (any Carrier)? {
        own[tenant] ?? (tenant == ServerConfiguration.APIKey.defaultTenant ? shared : nil)
    }

    /// A call that goes over a tenant's own account.
    func remember(_ carrierCallID: String, of call: CallID, tenant: String) {
        guard own[tenant] != nil else { return }
        remembered.withLock { remembered in
            let now = ContinuousClock.now
            remembered.purge(at: now)
            remembered.entries[carrierCallID] = .init(tenant: tenant, since: now)
            remembered.names[call] = carrierCallID
        }
    }

    /// The number of calls that are remembered.
    var rememberedCalls: Int { remembered.withLock { max($0.entries.count, $0.names.count) } }

    /// A call whose end the carrier has confirmed needs no account any more. A later confirmation comes with a hang-up.
    func publish(_ event: CallEvent) {
        guard !own.isEmpty, case .ended(let receipt) = event.kind else { return }
        remembered.withLock { remembered in
            guard let name = remembered.names.removeValue(forKey: event.callID) else { return }
            if receipt.carrierConfirmed { remembered.forget(name) }
        }
    }

    private func tenant(of carrierCallID: String) -> String? {
        remembered.withLock { $0.entries[carrierCallID]?.tenant }
    }

    func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String {
        guard let carrier = carrier(of: request.tenant) else {
            throw CarrierError(.refused, "there is no account to place the call with")
        }
        let name = try await carrier.place(request)
        remember(name, of: request.callID, tenant: request.tenant)
        return name
    }

    func redirect(_ carrierCallID: String, to instructions: CarrierInstructions) async throws(CarrierError) {
        // Also where the agent asks for it: a transfer is a call that costs money.
        if case .dial(let number, _, _, _, _, _) = instructions, destinations.verdict(on: number) != .allowed {
            throw CarrierError(.refused, "this destination may not be called")
        }
        // Only live calls are redirected, and those are remembered.
        let tenant = tenant(of: carrierCallID)
        guard let carrier = tenant.flatMap({ own[$0] }) ?? shared else {
            throw CarrierError(.refused, "there is no account to redirect the call with")
        }
        try await carrier.redirect(carrierCallID, to: instructions)
    }

    func limitDuration(of carrierCallID: String, to limit: Duration) async throws(CarrierError) {
        let tenant = tenant(of: carrierCallID)
        guard let carrier = tenant.flatMap({ own[$0] }) ?? shared else { return }
        try await carrier.limitDuration(of: carrierCallID, to: limit)
    }

    /// Hangs up a call of which only its tenant is known: on the tenant's own account, and, as the call may have been
    /// placed before there was one, on the shared one if the call is not known there. No other tenant's account is asked.
    func hangUp(_ carrierCallID: String, tenant: String) async throws(CarrierError) -> HangUpAnswer {
        guard let carrier = carrier(of: tenant) else {
            throw CarrierError(.refused, "there is no account to hang the call up with")
        }
        let answer = try await carrier.hangUp(carrierCallID)
        guard answer == .alreadyGone, own[tenant] != nil, let shared else { return answer }
        return try await shared.hangUp(carrierCallID)
    }

    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
        if let tenant = tenant(of: carrierCallID), let carrier = own[tenant] {
            let answer = try await carrier.hangUp(carrierCallID)
            remembered.withLock { $0.forget(carrierCallID) }
            return answer
        }
        var failure: CarrierError?
        for carrier in [shared].compactMap(\.self) + own.keys.sorted().compactMap({ own[$0] }) {
            do throws(CarrierError) {
                if try await carrier.hangUp(carrierCallID) == .done { return .done }
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return .alreadyGone
    }
}
