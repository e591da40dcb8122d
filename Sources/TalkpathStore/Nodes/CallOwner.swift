package import TalkpathCore

/// The owner of a live call.
package struct CallOwner: Equatable, Sendable {
    package var call: CallID
    package var tenant: String
    package var epoch: Int64
    /// The address at which the other nodes reach the owner.
    package var url: String

    package init(call: CallID, tenant: String, epoch: Int64, url: String) {
        self.call = call
        self.tenant = tenant
        self.epoch = epoch
        self.url = url
    }
}
