/// The known outcome of a call's placing and of its end, and the tasks that wait for them.
///
/// Each waiter is resumed once, in the order of the requests.
struct CallOutcome {
    /// Once the call has ended.
    private(set) var receipt: EndReceipt?
    /// The carrier's answer to the request to place the call: its name of the call, or why there is none.
    private(set) var placement: Result<String, CarrierError>?
    private var waiters: [CheckedContinuation<EndReceipt, Never>] = []
    private var placementWaiters: [CheckedContinuation<Void, Never>] = []

    // MARK: Waiting

    mutating func waitForReceipt(_ waiter: CheckedContinuation<EndReceipt, Never>) {
        if let receipt { waiter.resume(returning: receipt) } else { waiters.append(waiter) }
    }

    /// - Parameter isPlaced: the call is one that is placed; for another there is nothing to wait for.
    mutating func waitForPlacement(_ waiter: CheckedContinuation<Void, Never>, isPlaced: Bool) {
        let isPending = placement == nil && receipt == nil && isPlaced
        if isPending { placementWaiters.append(waiter) } else { waiter.resume() }
    }

    // MARK: Reports

    /// A call that is known to exist stays so: a lost answer does not undo the report of a webhook.
    mutating func answered(_ answer: Result<String, CarrierError>) {
        if case .success? = placement { return }
        placement = answer
    }

    /// The carrier has answered the request to place the call, or is not asked.
    mutating func placementIsKnown() {
        let waiting = placementWaiters
        placementWaiters = []
        for waiter in waiting { waiter.resume() }
    }

    mutating func ended(_ receipt: EndReceipt) {
        self.receipt = receipt
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.resume(returning: receipt) }
        placementIsKnown()
    }

    /// The carrier has confirmed the end after the receipt.
    mutating func updated(_ receipt: EndReceipt) {
        self.receipt = receipt
    }
}
