import TalkpathAudio
import TalkpathWire

/// The messages of a simulated model, in either provider's protocol.
struct AgentLanguage {
    let provider: AgentProvider

    /// The model's first message; `nil` if the client must send the first one.
    var greeting: String? {
        switch provider {
        case .openai: #"{"type":"session.created","session":{}}"#
        case .gemini, .openaiLive, .socket: nil
        }
    }

    var ready: String {
        switch provider {
        case .openai: #"{"type":"session.updated","session":{}}"#
        case .gemini: #"{"setupComplete":{}}"#
        case .openaiLive: #"{"type":"session.started","session":{"id":"live_1"}}"#
        case .socket: #"{"type":"ready","caller_turns":true}"#
        }
    }

    /// A message of GPT-Live that says nothing: its model announces neither responses nor their ends.
    private static let nothing = #"{"type":"info","code":"notice","message":"m"}"#

    /// Announces a response; Gemini and GPT-Live do not do so.
    func responseBegun(item: String) -> String? {
        switch provider {
        case .openai: #"{"type":"response.created","response":{}}"#
        case .gemini, .openaiLive: nil
        case .socket: #"{"type":"response_start","response":"\#(item)"}"#
        }
    }

    /// A message with audio; for a socket agent, only the Base64 of a binary message's content.
    func audio(_ base64: String, item: String) -> String {
        switch provider {
        case .openai:
            #"{"type":"response.output_audio.delta","response_id":"r","item_id":"\#(item)","output_index":0,"content_index":0,"delta":"\#(base64)"}"#
        case .gemini:
            #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"\#(base64)"}}]}}}"#
        case .openaiLive: #"{"type":"session.output_audio.delta","delta":"\#(base64)"}"#
        case .socket: base64
        }
    }

    func audioEnded(item: String) -> String {
        switch provider {
        case .openai: #"{"type":"response.output_audio.done","item_id":"\#(item)"}"#
        case .gemini: #"{"serverContent":{"generationComplete":true}}"#
        case .openaiLive: Self.nothing
        case .socket: #"{"type":"mark","name":"end of \#(item)"}"#
        }
    }

    func responseEnded(isCancelled: Bool, item: String = "") -> String {
        switch provider {
        case .openai:
            #"{"type":"response.done","response":{"status":"\#(isCancelled ? "cancelled" : "completed")","usage":{"input_tokens":3,"output_tokens":4}}}"#
        case .gemini:
            #"{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":3,"responseTokenCount":4}}"#
        case .openaiLive: Self.nothing
        case .socket:
            #"{"type":"response_end","response":"\#(item)","status":"\#(isCancelled ? "cancelled" : "completed")"}"#
        }
    }

    /// The caller speaks over the agent.
    var interruption: String {
        switch provider {
        case .openai: #"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"c"}"#
        case .gemini: #"{"serverContent":{"interrupted":true}}"#
        case .openaiLive: Self.nothing
        case .socket: #"{"type":"interrupt"}"#
        }
    }

    func words(_ text: String, item: String) -> String {
        switch provider {
        case .openai:
            #"{"type":"response.output_audio_transcript.done","item_id":"\#(item)","transcript":"\#(text)"}"#
        case .gemini: #"{"serverContent":{"outputTranscription":{"text":"\#(text)"}}}"#
        case .openaiLive: #"{"type":"session.output_transcript.delta","delta":"\#(text)"}"#
        case .socket: #"{"type":"transcript","speaker":"agent","response":"\#(item)","text":"\#(text)"}"#
        }
    }

    func callersWords(_ text: String, item: String) -> String {
        switch provider {
        case .openai:
            #"{"type":"conversation.item.input_audio_transcription.completed","item_id":"\#(item)","transcript":"\#(text)"}"#
        case .gemini: #"{"serverContent":{"inputTranscription":{"text":"\#(text)","finished":true}}}"#
        case .openaiLive: #"{"type":"session.input_transcript.delta","delta":"\#(text)"}"#
        case .socket: #"{"type":"transcript","speaker":"caller","turn":"\#(item)","text":"\#(text)"}"#
        }
    }

    /// The messages of a call, in their order.
    ///
    /// - Parameter arguments: the arguments as JSON.
    func tool(_ name: String, arguments: String) -> [String] {
        let text = JSONValue.string(arguments).serializedText()
        return switch provider {
        case .openai:
            [
                #"{"type":"response.function_call_arguments.done","call_id":"f_\#(name)","name":"\#(name)","arguments":\#(text)}"#,
                #"{"type":"response.output_item.done","item":{"type":"function_call","status":"completed","call_id":"f_\#(name)","name":"\#(name)","arguments":\#(text)}}"#,
            ]
        case .gemini:
            [#"{"toolCall":{"functionCalls":[{"id":"f_\#(name)","name":"\#(name)","args":\#(arguments)}]}}"#]
        case .openaiLive:
            [
                #"{"type":"response.event","event":{"type":"response.output_item.done","item":{"type":"function_call","status":"completed","call_id":"f_\#(name)","name":"\#(name)","arguments":\#(text)}}}"#
            ]
        case .socket: [#"{"type":"tool_call","id":"f_\#(name)","name":"\#(name)","arguments":\#(arguments)}"#]
        }
    }

    /// Reports that the caller has begun to speak; Gemini does not do so.
    var callerBegan: String? { provider == .openai ? interruption : nil }

    /// Reports that the caller has finished speaking; Gemini does not do so.
    var callerEnded: String? {
        switch provider {
        case .openai: #"{"type":"input_audio_buffer.speech_stopped","audio_end_ms":2,"item_id":"c"}"#
        case .gemini, .openaiLive, .socket: nil
        }
    }

    /// Reports that the session cannot continue.
    var fault: String {
        switch provider {
        case .openai:
            #"{"type":"error","error":{"type":"invalid_request_error","code":"session_expired","message":"m"}}"#
        case .gemini: #"{"error":{"status":"INTERNAL","message":"m"}}"#
        case .openaiLive: #"{"type":"session.closed","reason":"content","usage":{"seconds":1}}"#
        case .socket: #"{"type":"error","code":"internal","message":"m","fatal":true}"#
        }
    }

    /// Refuses a part of the set-up; Gemini closes its socket instead.
    func refusal(of parameter: String) -> String? {
        guard provider == .openai else { return nil }
        return
            #"{"type":"error","error":{"type":"invalid_request_error","code":"invalid_value","message":"m","param":"\#(parameter)"}}"#
    }

    /// Announces that the connection will end soon; OpenAI does not do so.
    var leaveTaking: String? {
        switch provider {
        case .openai, .openaiLive: nil
        case .gemini: #"{"goAway":{"timeLeft":"2s"}}"#
        case .socket: #"{"type":"going_away","time_left_ms":2000}"#
        }
    }

    /// Gives a handle with which the session can be resumed; OpenAI does not do so.
    var resumptionHandle: String? {
        switch provider {
        case .openai, .openaiLive, .socket: nil
        case .gemini: #"{"sessionResumptionUpdate":{"newHandle":"h","resumable":true}}"#
        }
    }

    /// Stands for any binary message.
    static let binary = "(binary)"

    private func socketTruncation(_ message: String) -> (item: String, milliseconds: Int)? {
        guard message.contains(#""type":"interrupted""#), let json = try? JSONValue(parsing: message),
            let item = json["response"]?.string, let milliseconds = json["heard_ms"]?.int
        else { return nil }
        return (item, milliseconds)
    }

    // MARK: Messages received

    func isConfiguration(_ message: String) -> Bool {
        switch provider {
        case .openai: message.contains(#""session.update""#)
        case .gemini: message.contains(#""setup""#)
        case .openaiLive: message.contains(#""session.start""#)
        case .socket: message.contains(#""type":"start""#)
        }
    }

    func isAudio(_ message: String) -> Bool {
        switch provider {
        case .openai: message.contains(#""input_audio_buffer.append""#)
        case .gemini: message.contains(#""realtimeInput":{"audio""#)
        case .openaiLive: message.contains(#""session.input_audio.append""#)
        case .socket: message == Self.binary
        }
    }

    /// The milliseconds of the caller's audio in a message that ``isAudio(_:)``.
    func producedMilliseconds(_ message: String, _ format: AudioFormat) -> Int {
        let audio = message.utf8.split(separator: UInt8(ascii: "\"")).map(\.count).max() ?? 0
        return audio * 3 / 4 / format.bytesPerMillisecond
    }

    /// True if the message asks the model to speak.
    func isRequest(_ message: String) -> Bool {
        switch provider {
        case .openai: message.contains(#""response.create""#)
        case .gemini: message.contains(#""realtimeInput":{"text""#)
        case .openaiLive: message.contains(#""session.commentary.append""#)
        case .socket: message.contains(#""type":"say""#) || message.contains(#""respond":true"#)
        }
    }

    /// The truncated item in the message, and the milliseconds of it that were heard.
    func truncation(_ message: String) -> (item: String, milliseconds: Int)? {
        if provider == .socket { return socketTruncation(message) }
        guard provider == .openai, message.contains(#""conversation.item.truncate""#) else { return nil }
        let bytes = Array(message.utf8)
        guard let json = try? JSONValue(parsing: bytes.span.bytes), let item = json["item_id"]?.string,
            let milliseconds = json["audio_end_ms"]?.int
        else { return nil }
        return (item, milliseconds)
    }
}
