import TalkpathCore

/// The trial of one rule: runs operations of the port, and keeps what was found.
struct ContractTrial<Rule: ContractRule> {
    let rule: Rule
    /// The longest time that an operation may take.
    let patience: Duration
    private(set) var findings: [ContractFinding<Rule>] = []

    init(_ rule: Rule, patience: Duration) {
        self.rule = rule
        self.patience = patience
    }

    mutating func expect(_ holds: Bool, _ expected: String, _ situation: String, saw seen: @autoclosure () -> String) {
        guard !holds else { return }
        findings.append(ContractFinding(rule: rule, situation: situation, expected: expected, seen: seen()))
    }

    /// Runs an operation that must succeed.
    /// - Returns: its value; `nil`, with a finding, if it threw or did not return.
    mutating func need<Value: Sendable>(
        _ situation: String,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Value? {
        let attempt = await attempt(operation)
        if case .returned(let value) = attempt { return value }
        expect(false, "success", situation, saw: "\(attempt)")
        return nil
    }

    /// Runs an operation, for at most as long as patience lasts. It is cancelled then.
    func attempt<Value: Sendable>(
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Attempt<Value> {
        await Self.outcome(of: Task { try await operation() }, within: patience)
    }

    /// Begins an operation and cancels it a moment later.
    ///
    /// - Parameter isCancelledAtOnce: cancel it before it can begin.
    func cancelled<Value: Sendable>(
        atOnce isCancelledAtOnce: Bool,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async -> Attempt<Value> {
        let task = Task {
            // A task that is cancelled at once waits for that here, so that the operation sees it from the start.
            if isCancelledAtOnce { try? await Task.sleep(for: .seconds(3600)) }
            return try await operation()
        }
        // No event tells that a request is under way. One that is not yet is cancelled all the same.
        if !isCancelledAtOnce { try? await Task.sleep(for: .milliseconds(50)) }
        task.cancel()
        return await Self.outcome(of: task, within: patience)
    }

    /// Does not wait for a task that does not return: the check would hang with it.
    private static func outcome<Value: Sendable>(
        of task: Task<Value, any Error>,
        within bound: Duration
    ) async -> Attempt<Value> {
        let (attempts, source) = AsyncStream.makeStream(of: Attempt<Value>.self)
        Task {
            switch await task.result {
            case .success(let value): source.yield(.returned(value))
            case .failure(let error): source.yield(.threw(error))
            }
        }
        let timer = Task {
            try await Task.sleep(for: bound)
            source.yield(.hung(bound))
        }
        defer {
            timer.cancel()
            task.cancel()
        }
        for await attempt in attempts { return attempt }
        // The check itself was cancelled.
        return .hung(.zero)
    }
}

/// The outcome of an operation of a port.
enum Attempt<Value: Sendable>: Sendable, CustomStringConvertible {
    case returned(Value)
    case threw(any Error)
    case hung(Duration)

    var value: Value? { if case .returned(let value) = self { value } else { nil } }

    var error: (any Error)? { if case .threw(let error) = self { error } else { nil } }

    var hasReturned: Bool { if case .hung = self { false } else { true } }

    var description: String {
        switch self {
        case .returned(let value): value is Void ? "success" : "\(value)"
        case .threw(let error as CarrierError): "the error \(error.code.rawValue) (\(error.message))"
        case .threw(let error): "an error (\(error))"
        case .hung(let bound): "no return within \(bound)"
        }
    }
}

/// The stage cannot play what the rule needs.
struct CannotPlay: Error {}

extension ContractReport {
    /// Tries each rule with an own trial.
    mutating func run(
        _ rules: [Rule],
        patience: Duration,
        _ body: (inout ContractTrial<Rule>) async throws -> Void
    ) async {
        for rule in rules {
            var trial = ContractTrial(rule, patience: patience)
            do {
                try await body(&trial)
                checked.append(rule)
            } catch is CannotPlay {
                unchecked.append(rule)
            } catch {
                checked.append(rule)
                trial.expect(false, "a stage that works", "the stage was asked", saw: "an error (\(error))")
            }
            findings += trial.findings
        }
    }
}
