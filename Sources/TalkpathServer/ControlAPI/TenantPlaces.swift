import Synchronization

/// Limits what each tenant may hold open at a time. Thread-safe.
final class TenantPlaces: Sendable {
    private let held = Mutex<[String: Int]>([:])
    private let most: Int

    init(most: Int) {
        self.most = most
    }

    /// One of a tenant's places. It is returned when the object is released.
    final class Place: Sendable {
        private let places: TenantPlaces
        private let tenant: String

        fileprivate init(_ places: TenantPlaces, _ tenant: String) {
            self.places = places
            self.tenant = tenant
        }

        deinit { places.giveBack(tenant) }
    }

    /// - Returns: `nil` if the tenant holds as many as it may.
    func take(_ tenant: String) -> Place? {
        let isTaken = held.withLock { held in
            guard held[tenant, default: 0] < most else { return false }
            held[tenant, default: 0] += 1
            return true
        }
        return isTaken ? Place(self, tenant) : nil
    }

    private func giveBack(_ tenant: String) {
        held.withLock { held in
            guard let count = held[tenant] else { return }
            held[tenant] = count > 1 ? count - 1 : nil
        }
    }
}
