import TalkpathAudio

/// The time that a process about to leave still has for a call.
struct Hurry {
    let began: MonotonicInstant
    let bound: Duration
}

/// The steps of one ending, as far as they have come.
struct Ending {
    /// Evidence that comes during the end may change its reason, until the record is saved.
    var request: EndRequest
    let began: MonotonicInstant
    private(set) var steps: [EndReceipt.Step] = []
    private var open: [EndReceipt.Step.Name: MonotonicInstant] = [:]
    /// As it was given to the store: the step that saves it stands as done there, its own time not yet known.
    var savedReceipt: EndReceipt?
    /// The carrier has said that the stream is over.
    var hasGoodbye = false

    init(request: EndRequest, began: MonotonicInstant) {
        self.request = request
        self.began = began
    }

    mutating func start(_ name: EndReceipt.Step.Name, at now: MonotonicInstant) {
        guard !isStarted(name) else { return }
        open[name] = now
        steps.append(.init(name: name, outcome: .timedOut, started: now - began, duration: .zero))
    }

    /// The first outcome counts.
    mutating func finish(
        _ name: EndReceipt.Step.Name,
        _ outcome: EndReceipt.Step.Outcome,
        error: String? = nil,
        at now: MonotonicInstant
    ) {
        start(name, at: now)
        guard let started = open.removeValue(forKey: name), let index = steps.firstIndex(where: { $0.name == name })
        else { return }
        steps[index].outcome = outcome
        steps[index].duration = now - started
        steps[index].error = error
    }

    func isStarted(_ name: EndReceipt.Step.Name) -> Bool {
        steps.contains { $0.name == name }
    }

    func isFinished(_ name: EndReceipt.Step.Name) -> Bool {
        isStarted(name) && open[name] == nil
    }

    func outcome(_ name: EndReceipt.Step.Name) -> EndReceipt.Step.Outcome? {
        isFinished(name) ? steps.first { $0.name == name }?.outcome : nil
    }

    /// The steps, with one that is about to be finished taken as done.
    func steps(assumingDone name: EndReceipt.Step.Name) -> [EndReceipt.Step] {
        steps.map { step in
            var step = step
            if step.name == name { step.outcome = .done }
            return step
        }
    }
}
