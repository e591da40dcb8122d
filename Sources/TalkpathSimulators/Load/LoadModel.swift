#if os(Linux)
/// One socket of the echoing model: sends the caller's audio back at once, as pieces of one long answer.
///
/// It speaks OpenAI Realtime, GPT-Live or Gemini Live, as far as a call of audio alone needs it. The answer never ends during the
/// call. The marks that come back tell the bridge which audio has been played, so that it can forget it.
final class LoadModel {
    /// The behaviour of a session, chosen by a word in its instructions.
    package enum Manner: String, CaseIterable {
        /// Sends the caller's audio back.
        case echoes
        /// Never reports that it is ready.
        case hesitates = "bench: hesitate"
        /// Sends ten seconds of audio at once, as soon as it is ready.
        case talks = "bench: talk"
    }

    let socket: LoadSocket
    let shape: LoadShape
    private(set) var isReady = false
    private(set) var bytesHeard = 0
    /// The caller at the other end, once it is known.
    var caller: LoadCaller?

    private var isAnswering = false
    private var opensAnswer: [String] = []
    private let prefix: [UInt8]
    private let suffix: [UInt8]

    init(_ socket: LoadSocket, shape: LoadShape, number: Int) {
        self.socket = socket
        self.shape = shape
        switch shape.provider {
        case .openAI:
            let place = #""response_id":"resp_\#(number)","item_id":"item_\#(number)","output_index":0"#
            opensAnswer = [
                #"{"type":"response.created","event_id":"event_2","response":{"id":"resp_\#(number)","#
                    + #""object":"realtime.response","status":"in_progress","output":[]}}"#,
                #"{"type":"response.output_item.added","event_id":"event_3","response_id":"resp_\#(number)","#
                    + #""output_index":0,"item":{"id":"item_\#(number)","type":"message","role":"assistant"}}"#,
            ]
            prefix = Array(
                #"{"type":"response.output_audio.delta","event_id":"event_4",\#(place),"content_index":0,"delta":""#
                    .utf8
            )
            suffix = Array(#""}"#.utf8)
        case .openAILive:
            prefix = Array(#"{"type":"session.output_audio.delta","delta":""#.utf8)
            suffix = Array(#""}"#.utf8)
        case .gemini:
            prefix = Array(
                #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=16000","data":""#
                    .utf8
            )
            suffix = Array(#""}}]}}}"#.utf8)
        }
    }

    /// Answers the opening handshake, once it is complete.
    func readHandshake() {
        guard socket.state == .handshaking, let head = socket.takeHead() else { return }
        let name = "sec-websocket-key:"
        let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name) }
        guard let line else { return socket.end("a request that opens no WebSocket") }
        let key = String(line.dropFirst(name.count)).filter { $0 != " " }
        let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        let accept = PlainBase64.encode(SHA1.hash(Array((key + magic).utf8)))
        socket.write(
            raw: """
                HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Accept: \(accept)\r\n\r\n
                """
        )
        socket.becomeOpen()
        if shape.provider == .openAI { socket.write(session("session.created", event: 0)) }
        socket.flush()
    }

    private func session(_ type: String, event: Int) -> String {
        let format = shape.format == .pcmu ? #"{"type":"audio/pcmu"}"# : #"{"type":"audio/pcm","rate":24000}"#
        return #"{"type":"\#(type)","event_id":"event_\#(event)","session":{"id":"sess_1","type":"realtime","#
            + #""object":"realtime.session","audio":{"input":{"format":\#(format)},"output":{"format":\#(format)}}}}"#
    }

    private var started: String {
        let format =
            shape.format == .pcmu ? #"{"type":"audio/pcmu","rate":8000}"# : #"{"type":"audio/pcm","rate":24000}"#
        return #"{"type":"session.started","event_id":"event_1","session":{"id":"live_1","expires_at":4102444800,"#
            + #""model":"gpt-live-1.1","status":"active","audio":{"format":\#(format)}}}"#
    }

    /// Handles the messages that the socket has received, and sends the audio back.
    /// - Parameter heard: receives the number of the caller's newest frame that has arrived completely.
    func receive(_ heard: (Int) -> Void) {
        while let message = socket.nextMessage() {
            if let audio = audio(of: message) {
                echo(audio, heard)
            } else if find(setUpWord, in: message) != nil {
                setUp(message)
            }
        }
        socket.flush()
    }

    private var setUpWord: StaticString {
        switch shape.provider {
        case .openAI: #""session.update""#
        case .openAILive: #""session.start""#
        case .gemini: #""setup""#
        }
    }

    private func audio(of message: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        switch shape.provider {
        case .openAI:
            guard find("input_audio_buffer.append", in: message) != nil else { return nil }
            return quoted(after: #""audio":""#, in: message)
        case .openAILive:
            guard find("input_audio.append", in: message) != nil else { return nil }
            return quoted(after: #""audio":""#, in: message)
        case .gemini:
            guard find("realtimeInput", in: message) != nil else { return nil }
            return quoted(after: #""data":""#, in: message)
        }
    }

    private func setUp(_ message: UnsafeRawBufferPointer) {
        let text = String(decoding: message, as: UTF8.self)
        let manner = Manner.allCases.first { $0 != .echoes && text.contains($0.rawValue) } ?? .echoes
        guard manner != .hesitates else { return }
        switch shape.provider {
        case .openAI: socket.write(session("session.updated", event: 1))
        case .openAILive: socket.write(started)
        case .gemini: socket.write(#"{"setupComplete":{}}"#)
        }
        isReady = true
        if manner == .talks { talk() }
    }

    private func echo(_ text: UnsafeRawBufferPointer, _ heard: (Int) -> Void) {
        let before = bytesHeard / shape.modelFrameBytes
        bytesHeard += LoadBase64.count(of: text)
        send(text)
        let after = bytesHeard / shape.modelFrameBytes
        if after > before { heard(after - 1) }
    }

    /// Sends one piece of the answer.
    private func send(_ text: UnsafeRawBufferPointer) {
        if !isAnswering {
            isAnswering = true
            for message in opensAnswer { socket.write(message) }
        }
        socket.write(mostBytes: prefix.count + text.count + suffix.count) { [prefix, suffix] target in
            var piece = LoadText(target)
            piece.append(prefix)
            piece.append(text)
            piece.append(suffix)
            return piece.count
        }
    }

    /// Sends a tone, which a caller that waits for the agent can hear.
    private func talk() {
        let piece: [UInt8] =
            shape.format == .pcmu
            ? (0..<shape.modelFrameBytes * 5).map { $0 / 4 % 2 == 0 ? 0x20 : 0xA0 }
            : (0..<shape.modelFrameBytes * 5).map { $0 % 2 == 0 ? 0 : $0 / 24 % 2 == 0 ? 0x18 : 0xE8 }
        let text = PlainBase64.encoded(piece)
        for _ in 0..<100 { text.withUnsafeBytes { send($0) } }
    }
}
#endif
