import NIOCore
import Synchronization

/// Limits the connections of the one port. When the budget is full, the server closes the connection that has waited
/// longest without a request. If every connection has a request under way, the server answers new ones with 503.
///
/// Opening a connection needs no key. So a client that opens thousands of silent connections must neither use up the
/// process's descriptors nor keep other clients out. Thread-safe; takes a lock at a connection's beginning, at its end,
/// and between its requests.
package final class ConnectionBudget: Sendable {
    package struct Metrics: Equatable, Sendable {
        package var open = 0
        /// Connections without a request under way that were closed to make room.
        package var displaced = 0
        /// New connections that were answered with 503.
        package var refused = 0
    }

    private struct State {
        var metrics = Metrics()
        var lastTicket: UInt64 = 0
        /// Refused connections that are still open, for their answer.
        var refusals = 0
        /// Connections without a request under way, by ticket: a lower one has waited longer.
        var idle: [UInt64: any Channel] = [:]
        var order = TicketOrder()
        var addresses: [String: Address] = [:]
    }

    private struct Address {
        var open = 0
        var order = TicketOrder()
    }

    /// Tickets, oldest first. A ticket that is no longer idle is skipped when its turn comes.
    private struct TicketOrder {
        private var tickets: [UInt64] = []
        private var head = 0

        mutating func append(_ ticket: UInt64, _ isIdle: (UInt64) -> Bool) {
            // Drop old tickets, so that a connection that alternates for hours leaves no trail of them.
            if tickets.count >= 64, tickets.count == tickets.capacity {
                tickets = tickets[head...].filter(isIdle)
                head = 0
                tickets.reserveCapacity(max(64, tickets.count * 2))
            }
            tickets.append(ticket)
        }

        mutating func takeOldest(_ isIdle: (UInt64) -> Bool) -> UInt64? {
            while head < tickets.count {
                defer { head += 1 }
                if isIdle(tickets[head]) { return tickets[head] }
            }
            return nil
        }
    }

    private let state = Mutex(State())
    private let maximum: Int
    private let maximumPerAddress: Int
    private let mostRefusals: Int
    private let isScarce: @Sendable (_ descriptor: Int?) -> Bool
    private let onPressure: @Sendable (Pressure) -> Void

    /// The reaction of a full budget to a new connection.
    package enum Pressure: String, Sendable {
        case displacedIdle, refused, refusedAddress
    }

    /// - Parameters:
    ///   - maximum: the limit of open connections.
    ///   - maximumPerAddress: the limit for one remote address. A reverse proxy is one address.
    ///   - mostRefusals: the limit of refused connections that are kept open at once, for their answer. Further ones are
    ///     closed without an answer: refused or not, a connection holds a descriptor.
    ///   - isScarce: true if the process is short of descriptors. Called at every new connection with its descriptor,
    ///     which is `nil` for a connection that has none.
    ///   - onPressure: called each time a connection is closed to make room or refused. Must not block.
    package init(
        maximum: Int,
        maximumPerAddress: Int,
        mostRefusals: Int = 8,
        isScarce: @escaping @Sendable (_ descriptor: Int?) -> Bool = { _ in false },
        onPressure: @escaping @Sendable (Pressure) -> Void = { _ in }
    ) {
        self.maximum = max(1, maximum)
        self.maximumPerAddress = max(1, maximumPerAddress)
        self.mostRefusals = mostRefusals
        self.isScarce = isScarce
        self.onPressure = onPressure
    }

    package var metrics: Metrics { state.withLock(\.metrics) }

    /// A connection's place in the budget, given back when the connection closes.
    final class Place: Sendable {
        fileprivate let budget: ConnectionBudget
        fileprivate let channel: any Channel
        fileprivate let address: String
        /// The connection's ticket while it is idle; `nil` while it is busy.
        fileprivate let ticket = Mutex<UInt64?>(nil)
        private let moved = Mutex<EventLoopFuture<any Channel>?>(nil)

        fileprivate init(_ budget: ConnectionBudget, _ channel: any Channel, _ address: String) {
            self.budget = budget
            self.channel = channel
            self.address = address
        }

        /// The connection goes on with this channel after its own is closed, and keeps its place.
        func stays(for channel: EventLoopFuture<any Channel>) { moved.withLock { $0 = channel } }

        /// Calls `body` when nothing is left of the connection, whose own channel is closed.
        fileprivate func whenGone(_ body: @escaping @Sendable () -> Void) {
            guard let moved = moved.withLock({ $0 }) else { return body() }
            moved.whenComplete { result in
                guard case .success(let channel) = result else { return body() }
                channel.closeFuture.whenComplete { _ in body() }
            }
        }

        /// Marks the connection as busy: a request has begun, or it has become a WebSocket.
        func becomesBusy() {
            guard let ticket = ticket.withLock({ $0.take() }) else { return }
            budget.state.withLock { state in
                _ = state.idle.removeValue(forKey: ticket)
            }
        }

        /// Marks the connection as idle: no request is under way.
        func becomesIdle() {
            ticket.withLock { ticket in
                guard ticket == nil else { return }
                ticket = budget.state.withLock { state in
                    state.lastTicket += 1
                    let ticket = state.lastTicket
                    state.idle[ticket] = channel
                    state.order.append(ticket) { state.idle[$0] != nil }
                    state.addresses[address]?.order.append(ticket) { state.idle[$0] != nil }
                    return ticket
                }
            }
        }
    }

    /// - Returns: `nil` if the connection must be refused.
    func admit(_ channel: any Channel) -> Place? {
        let address = channel.remoteAddress?.ipAddress ?? ""
        let isScarce = isScarce(Self.descriptor(of: channel))
        let (isAdmitted, displaced, pressure) = state.withLock { state -> (Bool, (any Channel)?, Pressure?) in
            var displaced: (any Channel)?
            if state.addresses[address, default: Address()].open >= maximumPerAddress {
                displaced = Self.takeOldestIdle(&state, of: address)
                guard displaced != nil else {
                    state.metrics.refused += 1
                    return (false, nil, .refusedAddress)
                }
            } else if state.metrics.open >= maximum || isScarce {
                displaced = Self.takeOldestIdle(&state)
                guard displaced != nil else {
                    state.metrics.refused += 1
                    return (false, nil, .refused)
                }
            }
            if displaced != nil { state.metrics.displaced += 1 }
            state.metrics.open += 1
            state.addresses[address, default: Address()].open += 1
            return (true, displaced, displaced == nil ? nil : .displacedIdle)
        }
        displaced?.close(promise: nil)
        if let pressure { onPressure(pressure) }
        guard isAdmitted else { return nil }
        let place = Place(self, channel, address)
        place.becomesIdle()
        channel.closeFuture.whenComplete { _ in
            place.becomesBusy()
            place.whenGone {
                self.state.withLock { state in
                    state.metrics.open -= 1
                    state.addresses[address]?.open -= 1
                    if state.addresses[address]?.open == 0 { state.addresses[address] = nil }
                }
            }
        }
        return place
    }

    /// - Returns: true if the refused connection may stay open for its answer.
    func mayAnswer(refused channel: any Channel) -> Bool {
        let mayAnswer = state.withLock { state in
            guard state.refusals < mostRefusals else { return false }
            state.refusals += 1
            return true
        }
        if mayAnswer { channel.closeFuture.whenComplete { _ in self.state.withLock { $0.refusals -= 1 } } }
        return mayAnswer
    }

    /// The system gave the connection the lowest number that was free when it was accepted. Numbers that connections
    /// have given back since then say nothing: several are accepted before the first of them comes here.
    private static func descriptor(of channel: any Channel) -> Int? {
        let handle = try? channel.pipeline.syncOperations
            .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { Int($0) }
        return handle ?? nil
    }

    private static func takeOldestIdle(_ state: inout State, of address: String? = nil) -> (any Channel)? {
        let idle = state.idle
        let oldest =
            if let address {
                state.addresses[address]?.order.takeOldest { idle[$0] != nil }
            } else {
                state.order.takeOldest { idle[$0] != nil }
            }
        return oldest.flatMap { state.idle.removeValue(forKey: $0) }
    }
}

/// Answers a connection that exceeds the budget, and closes it.
final class NoRoomHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The time that the client has to read the answer. An immediate close, with its request unread, would reset the
    /// connection and could destroy the answer on its way.
    private static let goodbye = TimeAmount.milliseconds(100)

    private static let answer: String = {
        let body =
            #"{"success":false,"error":"Too many connections","code":"too_many_connections","#
            + #""detail":"Too many connections are open: try again in a second"}"#
        return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
            + "Content-Length: \(body.utf8.count)\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" + body
    }()

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(Self.wrapOutboundOut(context.channel.allocator.buffer(string: Self.answer)), promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.goodbye) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Closes a connection as soon as it is open. Before the TLS handshake, no answer can be sent; and of many that are
/// refused at once, few are kept open for an answer.
final class NoAnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelActive(context: ChannelHandlerContext) { context.close(promise: nil) }
}
