#if os(Linux)
/// One caller of the fleet: speaks Twilio's Media Streams as the carrier does, and checks that its own voice comes
/// back.
///
/// Its messages differ in three numbers only; the rest is written once.
final class LoadCaller {
    enum Progress {
        /// The handshake is under way, or `start` is sent and the model is not ready.
        case waiting
        /// The caller sends audio every 20 ms.
        case speaking
        /// The caller has hung up.
        case gone
    }

    /// The caller's number, which determines the voice.
    let number: Int
    private let name: Int
    let socket: LoadSocket
    var progress = Progress.waiting
    private(set) var listener: CallCodeListener
    private(set) var framesSent = 0
    private(set) var bytesHeard = 0
    /// Messages from the server that the caller does not understand.
    private(set) var oddMessages = 0
    /// The times when the last frames were sent, and when the model sent them back, by the frame's number.
    let sentAt = LoadStamps()
    let echoedAt = LoadStamps()

    private let key: String
    private let prefix: [UInt8]
    private let suffix: [UInt8]
    /// The voice as base64, one element for each message.
    private let payloads: [[UInt8]]
    private var sequence = 1
    /// Marks are echoed when the audio sent before them has been played.
    private var marks: [(name: [UInt8], due: Int64)] = []
    private var playoutEnd: Int64 = 0
    private var decoded = [UInt8](repeating: 0, count: 4096)

    static let frame: Int64 = 20_000_000

    /// - Parameter name: the basis of the carrier's identifiers. Two calls must not share it, even one after another,
    ///   because the bridge may still be ending the first.
    init(number: Int, name: Int, socket: LoadSocket, reference: [Float]) {
        self.number = number
        self.name = name
        self.socket = socket
        listener = CallCodeListener(reference: reference)
        key = PlainBase64.encode((0..<16).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) })
        prefix = Array(#"{"event":"media","sequenceNumber":""#.utf8)
        suffix = Array(#""},"streamSid":"\#(Self.stream(name))"}"#.utf8)
        let voice = CallCode(call: number).muLaw()
        payloads = stride(from: 0, to: voice.count, by: CallCode.frameSamples).map {
            PlainBase64.encoded(Array(voice[$0..<$0 + CallCode.frameSamples]))
        }
    }

    private static func stream(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "MZ" + String(repeating: "0", count: 32 - digits.count) + digits
    }

    private static func sid(_ prefix: String, _ number: Int) -> String {
        prefix + stream(number).dropFirst(2)
    }

    // MARK: Beginning and end

    func open(_ target: LoadTarget) {
        socket.write(
            raw: """
                GET \(target.path) HTTP/1.1\r\nHost: \(target.host):\(target.port)\r\nUpgrade: websocket\r\n\
                Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n\r\n
                """
        )
        socket.flush()
    }

    /// Reads the server's answer to the handshake, once it is complete.
    func readHandshake() throws(LoadError) {
        guard socket.state == .handshaking, let head = socket.takeHead() else { return }
        let status = head.split(separator: "\r\n").first.map(String.init) ?? ""
        guard status.contains(" 101") else {
            throw LoadError(.refused, "the server did not open the media socket: \(status)")
        }
        socket.becomeOpen()
        socket.write(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
        let (stream, call, account) = (Self.stream(name), Self.sid("CA", name), Self.sid("AC", 1))
        socket.write(
            #"{"event":"start","sequenceNumber":"1","start":{"accountSid":"\#(account)","streamSid":"\#(stream)","#
                + #""callSid":"\#(call)","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","#
                + #""sampleRate":8000,"channels":1},"customParameters":{}},"streamSid":"\#(stream)"}"#
        )
        socket.flush()
    }

    func hangUp() {
        guard progress != .gone else { return }
        progress = .gone
        sequence += 1
        socket.write(
            #"{"event":"stop","sequenceNumber":"\#(sequence)","stop":{"accountSid":"\#(Self.sid("AC", 1))","#
                + #""callSid":"\#(Self.sid("CA", name))"},"streamSid":"\#(Self.stream(name))"}"#
        )
        socket.sayGoodbye()
    }

    // MARK: Speaking

    /// Sends the next 20 ms, and the marks that are due.
    func speak(at now: Int64) {
        let payload = payloads[framesSent % payloads.count]
        sequence += 1
        socket.write(mostBytes: 160 + prefix.count + payload.count + suffix.count) { [framesSent, sequence] target in
            var text = LoadText(target)
            text.append(prefix)
            text.append(sequence)
            text.append(#"","media":{"track":"inbound","chunk":""#)
            text.append(framesSent + 1)
            text.append(#"","timestamp":""#)
            text.append(framesSent * 20)
            text.append(#"","payload":""#)
            text.append(payload)
            text.append(suffix)
            return text.count
        }
        while let mark = marks.first, mark.due <= now {
            marks.removeFirst()
            echo(mark.name)
        }
        sentAt[framesSent] = now
        framesSent += 1
        socket.flush()
    }

    private func echo(_ name: [UInt8]) {
        sequence += 1
        socket.write(mostBytes: 200 + name.count + suffix.count) { [sequence] target in
            var text = LoadText(target)
            text.append(#"{"event":"mark","sequenceNumber":""#)
            text.append(sequence)
            text.append(#"","mark":{"name":""#)
            text.append(name)
            text.append(suffix)
            return text.count
        }
    }

    // MARK: Hearing

    /// Handles the messages that the socket has received.
    ///
    /// - Parameters:
    ///   - rehearsal: receives the sound itself.
    ///   - heard: receives the number of each complete frame that came back, counted from the first.
    func receive(at now: Int64, table: [Float], rehearsal: inout [Float]?, _ heard: (Int) -> Void) {
        while let message = socket.nextMessage() {
            if find(#""event":"media""#, in: message) != nil, let text = quoted(after: #""payload":""#, in: message) {
                hear(text, at: now, table: table, rehearsal: &rehearsal, heard)
            } else if find(#""event":"mark""#, in: message) != nil, let name = quoted(after: #""name":""#, in: message)
            {
                marks.append((Array(name), max(now, playoutEnd)))
            } else if find(#""event":"clear""#, in: message) != nil {
                playoutEnd = now
                for index in marks.indices { marks[index].due = now }
            } else {
                oddMessages += 1
            }
        }
    }

    private func hear(
        _ text: UnsafeRawBufferPointer,
        at now: Int64,
        table: [Float],
        rehearsal: inout [Float]?,
        _ heard: (Int) -> Void
    ) {
        guard text.count <= decoded.count else {
            oddMessages += 1
            return
        }
        let count = decoded.withUnsafeMutableBufferPointer { LoadBase64.decode(text, into: $0) }
        let before = bytesHeard / CallCode.frameSamples
        decoded.withUnsafeBufferPointer {
            listener.hear(UnsafeBufferPointer(rebasing: $0[..<count]), decoding: table)
        }
        if rehearsal != nil { rehearsal?.append(contentsOf: decoded[..<count].lazy.map { table[Int($0)] }) }
        bytesHeard += count
        playoutEnd = max(now, playoutEnd) + Int64(count) * Self.frame / Int64(CallCode.frameSamples)
        for frame in before..<bytesHeard / CallCode.frameSamples { heard(frame) }
    }

    func beginJudging() { listener.beginJudging() }
    func endJudging() { listener.endJudging() }
}

/// The instants of the last events, by number.
final class LoadStamps {
    private let memory: UnsafeMutablePointer<Int64>
    /// Twenty seconds of frames. A later frame counts as lost.
    private static let count = 1024

    init() {
        memory = .allocate(capacity: Self.count)
        memory.initialize(repeating: 0, count: Self.count)
    }

    deinit { memory.deallocate() }

    subscript(number: Int) -> Int64 {
        get { memory[number & (Self.count - 1)] }
        set { memory[number & (Self.count - 1)] = newValue }
    }
}
#endif
