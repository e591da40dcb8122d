internal import TalkpathWire

/// The messages that GPT-Live takes, member by member.
enum OpenAILiveRules {
    private static let format = JSONRule.typed([
        "audio/pcm": .members(["type": .text, "rate": .integer(16_000...24_000)], required: ["type", "rate"]),
        "audio/pcmu": .members(["type": .text, "rate": .integer(8000...8000)], required: ["type", "rate"]),
        "audio/pcma": .members(["type": .text, "rate": .integer(8000...8000)], required: ["type", "rate"]),
    ])

    private static let delay = JSONRule.integer(0...60_000)

    private static let delegation = JSONRule.typed([
        "client": .members(["type": .text, "acknowledgement_delay_ms": delay]),
        "responses": .members(
            [
                "type": .text, "acknowledgement_delay_ms": delay,
                "responses": .members(
                    [
                        "model": .text, "instructions": .text, "max_output_tokens": .integer(1...Int.max),
                        "parallel_tool_calls": .truth,
                        "reasoning": .members([
                            "effort": .word(["none", "minimal", "low", "medium", "high", "xhigh"]),
                            "summary": .word(["concise", "detailed", "auto"]),
                        ]),
                        "tools": .list(
                            .members(
                                [
                                    "type": .word(["function"]), "name": .text, "description": .text,
                                    "parameters": .any, "strict": .truth,
                                ],
                                required: ["type", "name"]
                            )
                        ),
                    ],
                    required: ["model"]
                ),
            ],
            required: ["responses"]
        ),
    ])

    private static let message = JSONRule.members(
        [
            "type": .word(["message"]), "role": .word(["developer", "user", "assistant"]),
            "content": .list(
                .members(
                    ["type": .word(["input_text", "output_text", "text"]), "text": .text],
                    required: ["text"]
                )
            ),
        ],
        required: ["role", "content"]
    )

    private static let session = JSONRule.members(
        [
            "model": .text, "instructions": .text,
            "audio": .members(["format": format, "output": .members(["voice": .text])]),
            "delegation": .null(or: delegation), "input": .list(message), "store": .truth,
            "safety_identifier": .text,
        ],
        required: ["model"]
    )

    private static let append = JSONRule.members(
        ["type": .text, "event_id": .text, "content": .text, "delegation_id": .null(or: .text)],
        required: ["content", "delegation_id"]
    )

    static let client = JSONRule.typed([
        "session.start": .members(
            ["type": .text, "event_id": .text, "session": session],
            required: ["session"]
        ),
        "session.close": .members(["type": .text, "event_id": .text]),
        "session.input_audio.append": .members(
            ["type": .text, "event_id": .text, "audio": .text],
            required: ["audio"]
        ),
        "session.input_audio.mute": .members(["type": .text, "event_id": .text]),
        "session.input_audio.unmute": .members(["type": .text, "event_id": .text]),
        "session.instructions.append": append,
        "session.thinking.append": append,
        "session.commentary.append": append,
        "response.item.create": .members(
            [
                "type": .text, "event_id": .text,
                "item": .members(
                    ["type": .word(["function_call_output"]), "call_id": .text, "output": .text],
                    required: ["type", "call_id", "output"]
                ),
            ],
            required: ["item"]
        ),
        "response.create": .members(["type": .text, "event_id": .text]),
    ])
}
