import FlyingFox
import Foundation
import TalkpathCore
import TalkpathNIO

/// Answers phone calls in a server of your own: the HTTP framework owns the sockets, Talkpath owns the calls.
///
///     export OPENAI_API_KEY=… PUBLIC_HOST=voice.example.com
///     swift run OwnServer 8080          # behind a proxy that speaks https and wss
///
/// Set the number's "A call comes in" to https://voice.example.com/voice. `GET /calls` lists live calls, and
/// `POST /calls/end` ends them all.
@main
struct OwnServer {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        let port = CommandLine.arguments.dropFirst().first.flatMap(UInt16.init) ?? 8080
        var agent = AgentProfile.openAI(key: environment["OPENAI_API_KEY"] ?? "", instructions: "Be brief.")
        if let address = environment["OPENAI_REALTIME_URL"] { agent.baseURL = address }
        let host = environment["PUBLIC_HOST"] ?? "127.0.0.1:\(port)"

        let bridge = TelephonyBridge(events: PrintedEvents())
        async let running: Void = bridge.run()
        let server = HTTPServer(address: try .inet(ip4: "127.0.0.1", port: port))

        // The carrier asks what to do with a call. Your own server checks its signature here (`TwilioSignature` in
        // TalkpathWire).
        await server.appendRoute("POST /voice") { [agent] request in
            let form = try await URLComponents(string: "?" + String(decoding: request.bodyData, as: UTF8.self))?
                .queryItems
            func field(_ name: String) -> String { form?.first { $0.name == name }?.value ?? "" }
            let call = InboundCall(
                from: field("From"),
                to: field("To"),
                carrierCallID: field("CallSid"),
                agent: agent
            )
            let id = try await bridge.calls.accept(call)
            let token = await bridge.calls.makeStreamToken(for: id) ?? ""
            let instructions = """
                <Response><Connect><Stream url="wss://\(host)/media">\
                <Parameter name="token" value="\(token)"/></Stream></Connect></Response>
                """
            return HTTPResponse(statusCode: .ok, headers: [.contentType: "text/xml"], body: Data(instructions.utf8))
        }
        await server.appendRoute("GET /media", to: .webSocket(MediaRoute(bridge: bridge)))
        await server.appendRoute("GET /calls") { _ in
            let calls = await bridge.calls.active().map { "\($0.id) \($0.status.rawValue)" }
            return HTTPResponse(statusCode: .ok, body: Data((calls + [""]).joined(separator: "\n").utf8))
        }
        await server.appendRoute("POST /calls/end") { _ in
            var receipts: [String] = []
            for call in await bridge.calls.active() {
                guard case .ended(let receipt) = try await bridge.calls.end(call.id, EndRequest(.endedByAPI)) else {
                    continue
                }
                receipts.append("\(call.id) ended: \(receipt.reason.rawValue), \(receipt.duration)")
            }
            return HTTPResponse(statusCode: .ok, body: Data((receipts + [""]).joined(separator: "\n").utf8))
        }
        say("listening on 127.0.0.1:\(port)")
        try await server.run()
        await bridge.shutDown()
        await running
    }
}

/// Hands the messages of one WebSocket to the bridge, and the bridge's to the WebSocket.
struct MediaRoute: WSMessageHandler {
    let bridge: TelephonyBridge

    func makeMessages(for client: AsyncStream<WSMessage>) async throws -> AsyncStream<WSMessage> {
        let (outgoing, queue) = AsyncStream.makeStream(of: WSMessage.self)
        let stream = bridge.openStream(on: QueuedSocket(queue: queue))
        Task {
            for await case .text(let message) in client { stream.receive(message) }
            stream.closed()
            queue.finish()
        }
        return outgoing
    }
}

/// The bridge's way out: a queue that the server sends from, so that the bridge never waits.
struct QueuedSocket: MediaSocket {
    let queue: AsyncStream<WSMessage>.Continuation

    func send(_ messages: [String]) {
        for message in messages { queue.yield(.text(message)) }
    }

    func close(code: UInt16, reason: String) {
        queue.yield(.close(WSCloseCode(code, reason: reason)))
        queue.finish()
    }
}

/// Prints the name of each event. The bridge calls it on its media thread: a real server hands over to its own.
struct PrintedEvents: CallEventSink {
    func publish(_ event: CallEvent) {
        if case .ended(let receipt) = event.kind { say("ended: \(receipt.reason.rawValue)") }
    }
}

/// Prints a line at once, also into a file or a pipe.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
