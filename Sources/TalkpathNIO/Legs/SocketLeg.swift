import TalkpathCore
import TalkpathWire

/// A leg over a WebSocket: sends the call's messages, and lets the session close the socket.
final class SocketLeg: LegSink, LegConnection {
    private let connection: WebSocketConnection

    init(_ connection: WebSocketConnection) {
        self.connection = connection
    }

    /// Runs on the socket's event loop, which is the call's.
    func drain(_ outbox: inout MessageOutbox) {
        outbox.drainMessages { message, isBinary in _ = connection.write(message, binary: isBinary) }
        connection.flush()
    }

    func close() async {
        await connection.close()
    }
}
