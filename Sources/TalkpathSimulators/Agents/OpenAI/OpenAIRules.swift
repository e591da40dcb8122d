internal import TalkpathWire

/// The events that OpenAI Realtime (GA) accepts from clients. It accepts no others.
enum OpenAIRules {
    /// The members of each event type, besides `type` and `event_id`.
    static let events: [String: JSONRule] = [
        "session.update": event(["session": session], required: ["session"]),
        "input_audio_buffer.append": event(["audio": .text], required: ["audio"]),
        "input_audio_buffer.commit": event([:]),
        "input_audio_buffer.clear": event([:]),
        "response.create": event(["response": response]),
        "response.cancel": event(["response_id": .text]),
        "conversation.item.create": event(
            ["item": .any, "previous_item_id": .null(or: .text)],
            required: ["item"]
        ),
        "conversation.item.truncate": event(
            ["item_id": .text, "content_index": .integer(0...Int.max), "audio_end_ms": .integer(0...Int.max)],
            required: ["item_id", "content_index", "audio_end_ms"]
        ),
        "conversation.item.delete": event(["item_id": .text], required: ["item_id"]),
        "conversation.item.retrieve": event(["item_id": .text], required: ["item_id"]),
        "output_audio_buffer.clear": event([:]),
    ]

    /// The members of each item type.
    static let items: [String: JSONRule] = [
        "message": item(
            ["role": .word(["user", "assistant", "system"]), "content": .list(content)],
            required: ["role", "content"]
        ),
        "function_call": item(
            ["call_id": .text, "name": .text, "arguments": .text],
            required: ["name", "arguments"]
        ),
        "function_call_output": item(["call_id": .text, "output": .text], required: ["call_id", "output"]),
        "mcp_approval_response": .members(
            ["id": .text, "type": .text, "approval_request_id": .text, "approve": .truth, "reason": .text],
            required: ["approval_request_id", "approve"]
        ),
        "mcp_list_tools": .members(
            ["id": .text, "type": .text, "server_label": .text, "tools": .list(.any)],
            required: ["server_label", "tools"]
        ),
        "mcp_call": .members(
            [
                "id": .text, "type": .text, "server_label": .text, "name": .text, "arguments": .text,
                "output": .text, "error": .any, "approval_request_id": .text,
            ],
            required: ["server_label", "name", "arguments"]
        ),
    ]

    static let voices = ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]

    private static func event(_ members: [String: JSONRule], required: [String] = []) -> JSONRule {
        .members(members.merging(["type": .text, "event_id": .text]) { $1 }, required: required)
    }

    private static func item(_ members: [String: JSONRule], required: [String]) -> JSONRule {
        let common: [String: JSONRule] = [
            "id": .text, "type": .text, "object": .word(["realtime.item"]),
            "status": .word(["completed", "incomplete", "in_progress"]),
        ]
        return .members(members.merging(common) { $1 }, required: required)
    }

    private static let content = JSONRule.members(
        [
            "type": .word(["input_text", "input_audio", "input_image", "output_text", "output_audio"]),
            "text": .text, "audio": .text, "transcript": .null(or: .text), "image_url": .text, "detail": .text,
        ],
        required: ["type"]
    )

    private static let format = JSONRule.members(
        ["type": .word(["audio/pcm", "audio/pcmu", "audio/pcma"]), "rate": .integer(24000...24000)],
        required: ["type"]
    )

    private static let voice = JSONRule.either([.word(voices), .members(["id": .text], required: ["id"])])

    private static let transcription = JSONRule.members([
        "model": .text, "language": .null(or: .text), "prompt": .null(or: .text),
        "delay": .word(["minimal", "low", "medium", "high", "xhigh"]), "keywords": .null(or: .list(.text)),
        "languages": .null(or: .list(.text)),
    ])

    private static let turnDetection = JSONRule.typed([
        "server_vad": .members(
            [
                "type": .text, "threshold": .decimal(0...1), "prefix_padding_ms": .integer(0...60_000),
                "silence_duration_ms": .integer(0...60_000),
                "idle_timeout_ms": .null(or: .integer(5_000...30_000)), "create_response": .truth,
                "interrupt_response": .truth,
            ],
            required: ["type"]
        ),
        "semantic_vad": .members(
            [
                "type": .text, "create_response": .truth, "interrupt_response": .truth,
                "eagerness": .word(["low", "medium", "high", "auto"]),
            ],
            required: ["type"]
        ),
    ])

    private static let truncation = JSONRule.either([
        .word(["auto", "disabled"]),
        .members(
            [
                "type": .word(["retention_ratio"]), "retention_ratio": .decimal(0...1),
                "token_limits": .members(["post_instructions": .integer(0...Int.max)]),
            ],
            required: ["type", "retention_ratio"]
        ),
    ])

    private static let tracing = JSONRule.null(
        or: .either([
            .word(["auto"]), .members(["workflow_name": .text, "group_id": .text, "metadata": .any]),
        ])
    )

    private static let reasoning = JSONRule.members([
        "effort": .word(["minimal", "low", "medium", "high", "xhigh"])
    ])

    private static let function = JSONRule.members(
        ["type": .word(["function"]), "name": .text, "description": .text, "parameters": .any],
        required: ["type", "name"]
    )

    private static let mcp = JSONRule.members(
        [
            "type": .word(["mcp"]), "server_label": .text, "server_url": .text, "connector_id": .text,
            "tunnel_id": .text, "authorization": .text, "headers": .any, "server_description": .text,
            "allowed_tools": .either([.list(.text), .members(["read_only": .truth, "tool_names": .list(.text)])]),
            "require_approval": .either([.word(["always", "never"]), .members(["always": filter, "never": filter])]),
            "allowed_callers": .list(.text), "defer_loading": .truth,
        ],
        required: ["type", "server_label"]
    )

    private static let filter = JSONRule.members(["read_only": .truth, "tool_names": .list(.text)])

    private static let tools = JSONRule.list(.typed(["function": function, "mcp": mcp]))

    private static let choice = JSONRule.either([
        .word(["none", "auto", "required"]),
        .typed([
            "function": .members(["type": .text, "name": .text], required: ["name"]),
            "mcp": .members(["type": .text, "server_label": .text, "name": .text], required: ["server_label"]),
        ]),
    ])

    private static let tokens = JSONRule.either([.integer(1...4096), .word(["inf"])])

    private static let input = JSONRule.members([
        "format": format, "transcription": .null(or: transcription),
        "noise_reduction": .null(
            or: .members(
                ["type": .word(["near_field", "far_field"]), "strength": .decimal(0...1)],
                required: ["type"]
            )
        ),
        "turn_detection": .null(or: turnDetection),
    ])

    private static let session = JSONRule.typed(["realtime": realtime, "transcription": transcribing])

    private static let transcribing = JSONRule.members(
        ["type": .text, "audio": .members(["input": input]), "include": .list(.text)],
        required: ["type"]
    )

    private static let realtime = JSONRule.members(
        [
            "type": .word(["realtime"]), "model": .text, "instructions": .text,
            "output_modalities": .list(.word(["audio", "text"])),
            "audio": .members([
                "input": input,
                "output": .members(["format": format, "voice": voice, "speed": .decimal(0.25...1.5)]),
            ]),
            "tools": tools, "tool_choice": choice,
            "max_output_tokens": tokens, "truncation": truncation, "tracing": tracing,
            "include": .null(or: .list(.text)), "prompt": .any, "reasoning": reasoning, "parallel_tool_calls": .truth,
        ],
        required: ["type"]
    )

    private static let response = JSONRule.members([
        "instructions": .text, "output_modalities": .list(.word(["audio", "text"])),
        "audio": .members(["output": .members(["format": format, "voice": voice])]),
        "tools": tools, "tool_choice": choice, "max_output_tokens": tokens, "conversation": .word(["auto", "none"]),
        "input": .list(.any), "metadata": .any, "prompt": .any, "reasoning": reasoning, "parallel_tool_calls": .truth,
    ])
}
