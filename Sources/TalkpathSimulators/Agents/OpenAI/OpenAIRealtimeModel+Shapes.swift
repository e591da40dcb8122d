internal import TalkpathAudio
internal import TalkpathWire

/// The objects of responses, and their ends.
extension OpenAIRealtimeModel {
    /// The result of a response.
    enum Outcome {
        case completed
        case cancelled(String)
        /// The model broke the response off.
        case incomplete
        case failed(type: String, code: String, message: String)

        var status: String {
            switch self {
            case .completed: "completed"
            case .cancelled: "cancelled"
            case .incomplete: "incomplete"
            case .failed: "failed"
            }
        }

        var details: JSONValue {
            switch self {
            case .completed: .null
            case .cancelled(let reason): ["type": "cancelled", "reason": .string(reason)]
            case .incomplete: ["type": "incomplete", "reason": "max_output_tokens"]
            case .failed(let type, let code, let message):
                [
                    "type": "failed",
                    "error": ["type": .string(type), "code": .string(code), "message": .string(message)],
                ]
            }
        }

        var isWhole: Bool { if case .completed = self { true } else { false } }
    }

    /// - Parameter end: when the caller has heard all of it, if it was played at once.
    mutating func finish(
        _ id: String,
        _ outcome: Outcome,
        _ output: [JSONValue],
        milliseconds: Int,
        _ request: ResponseRequest,
        playedAt end: MonotonicInstant
    ) {
        // About what the service counts: a token for 50 ms of the model's speech, and one for 100 ms of the caller's.
        let said = milliseconds / 50
        let heard = core.turnDetector.receivedMilliseconds / 100
        var object = responseObject(id, outcome.status, output: output, request)
        object.set("status_details", outcome.details)
        object.set(
            "usage",
            [
                "total_tokens": JSONValue(said + heard), "input_tokens": JSONValue(heard),
                "output_tokens": JSONValue(said),
                // Half of the caller's audio counts as cached, as if an earlier answer had used it.
                "input_token_details": [
                    "text_tokens": 0, "audio_tokens": JSONValue(heard), "cached_tokens": JSONValue(heard / 2),
                ],
                "output_token_details": ["text_tokens": 0, "audio_tokens": JSONValue(said)],
            ]
        )
        send("response.done", ["response": object])
        send(
            "rate_limits.updated",
            [
                "rate_limits": [
                    ["name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 1],
                    ["name": "tokens", "limit": 50000, "remaining": 49000, "reset_seconds": 1],
                ]
            ]
        )
        if let timeout = turnDetection?.idleTimeout, !request.isBeside {
            timed.append((end + .milliseconds(timeout), .idle))
        }
    }

    func responseObject(
        _ id: String,
        _ status: String,
        output items: [JSONValue],
        _ request: ResponseRequest
    ) -> JSONValue {
        // The session's settings without the speed. Options of the request override them.
        var output = session["audio"]?["output"] ?? [:]
        output.set("speed", nil)
        if let voice = request.options["audio"]?["output"]?["voice"], !voice.isNull { output.set("voice", voice) }
        func option(_ name: String, _ usual: JSONValue) -> JSONValue {
            let asked = request.options[name] ?? nil
            return asked.isNull ? session[name] ?? usual : asked
        }
        return [
            "object": "realtime.response", "id": .string(id), "status": .string(status), "status_details": nil,
            "output": .array(items),
            "conversation_id": request.isBeside ? nil : .string("conv_\(core.record.session)"),
            "output_modalities": option("output_modalities", ["audio"]),
            "max_output_tokens": option("max_output_tokens", "inf"),
            "audio": ["output": output], "usage": nil, "metadata": request.metadata,
        ]
    }

    func itemObject(_ id: String, status: String, text: String?, writes: Bool) -> JSONValue {
        let content: JSONValue =
            text.map { text in
                let part: JSONValue =
                    writes
                    ? ["type": "output_text", "text": .string(text)]
                    : ["type": "output_audio", "transcript": .string(text)]
                return [part]
            } ?? []
        return [
            "id": .string(id), "object": "realtime.item", "type": "message", "status": .string(status),
            "role": "assistant", "content": content,
        ]
    }

    func place(_ response: String, _ item: String, _ index: Int, _ more: JSONValue) -> JSONValue {
        .object(
            [
                ("response_id", .string(response)), ("item_id", .string(item)), ("output_index", JSONValue(index)),
                ("content_index", 0),
            ] + (more.object ?? [])
        )
    }
}
