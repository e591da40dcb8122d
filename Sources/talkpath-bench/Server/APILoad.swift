#if os(Linux)
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import TalkpathAudio
import TalkpathWire

/// Clients of the control API. They send a fixed number of requests a second on absolute deadlines, whether or not
/// earlier ones have been answered. The time of a request counts from its deadline.
final class APILoad: Sendable {
    /// The kinds of request, sent in turn.
    enum Kind: String, CaseIterable, Sendable {
        case listLive = "list live calls"
        case listEnded = "list ended calls"
        case query = "list by number"
        case readEnded = "read an ended call"
        case place = "place a call"
        case end = "end a call"
    }

    struct Report: Sendable {
        var milliseconds: [Kind: [Double]] = [:]
        /// Failed requests and wrong answers; the first of each sort.
        var failures: [String] = []

        var all: [Double] { milliseconds.values.flatMap(\.self) }
    }

    private struct State {
        var report = Report()
        /// Calls that were placed and have not been ended.
        var calls: [String] = []
        var running: Task<Void, Never>?
    }

    private let rate: Double
    private let state = Mutex(State())

    /// Ends one call for each call placed, with reads in between.
    private static let turn: [Kind] = [
        .place, .listLive, .readEnded, .listEnded, .query, .readEnded, .listLive, .end, .readEnded, .listEnded,
    ]

    init(rate: Double) {
        self.rate = rate
    }

    func start(port: Int) {
        let task = Task { await self.run(port: port) }
        state.withLock { $0.running = task }
    }

    /// Stops sending. Requests under way are still answered.
    func stop() { state.withLock { $0.running }?.cancel() }

    func report() async -> Report {
        await state.withLock { $0.running }?.value
        return state.withLock { $0.report }
    }

    private func run(port: Int) async {
        let clock = ContinuousClock()
        let start = clock.now
        await withDiscardingTaskGroup { group in
            var number = 0
            while !Task.isCancelled {
                let due = start + .seconds(Double(number) / rate)
                guard (try? await clock.sleep(until: due, tolerance: .zero)) != nil else { break }
                let kind = Self.turn[number % Self.turn.count]
                // A detached task, so that cancellation does not stop requests under way.
                group.addTask { await Task.detached { await self.send(kind, port: port, due: due) }.value }
                number += 1
            }
        }
    }

    private func send(_ kind: Kind, port: Int, due: ContinuousClock.Instant) async {
        guard let (method, path, body, status) = order(kind) else { return }
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        do {
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            let bytes = try await answer.body.collect(upTo: 1 << 24)
            let took = due.duration(to: .now).milliseconds
            guard answer.status.code == status else {
                return fail("\(kind.rawValue): status \(answer.status.code)")
            }
            let json = try? JSONValue(parsing: Array(bytes.readableBytesView))
            state.withLock { state in
                state.report.milliseconds[kind, default: []].append(took)
                if kind == .place, let call = json?["call_id"]?.string { state.calls.append(call) }
            }
        } catch {
            fail("\(kind.rawValue): no answer")
        }
    }

    private func fail(_ words: String) {
        state.withLock { state in
            if !state.report.failures.contains(words) { state.report.failures.append(words) }
        }
    }

    /// - Returns: `nil` if there is no call to end yet.
    private func order(_ kind: Kind) -> (HTTPMethod, String, String?, Int)? {
        switch kind {
        case .listLive: return (.GET, "/api/calls", nil, 200)
        case .listEnded: return (.GET, "/api/calls?state=ended&limit=20", nil, 200)
        case .query: return (.GET, "/api/calls?state=ended&to=%2B14155561234", nil, 200)
        case .readEnded: return (.GET, "/api/calls/call-17", nil, 200)
        case .place: return (.POST, "/api/calls", #"{"to":"+14155550101"}"#, 201)
        case .end:
            let call = state.withLock { $0.calls.isEmpty ? nil : $0.calls.removeFirst() }
            return call.map { (.POST, "/api/calls/\($0)/end", nil, 200) }
        }
    }
}
#endif
