internal import TalkpathWire

/// The messages that Talkpath may send an agent, member by member.
enum SocketAgentRules {
    private static let format = JSONRule.members(
        ["encoding": .word(["pcm16", "mulaw"]), "sample_rate": .integer(8000...24_000)],
        required: ["encoding", "sample_rate"]
    )
    private static let role = JSONRule.word(["user", "assistant", "system"])

    static let message = JSONRule.typed([
        "start": .members(
            [
                "type": .text, "protocol": .integer(1...1), "call_id": .text,
                "direction": .word(["inbound", "outbound"]),
                "from": .text, "to": .text, "metadata": .any, "variables": .any, "model": .text, "voice": .text,
                "language": .text, "instructions": .text,
                "tools": .list(
                    .members(
                        ["name": .text, "description": .text, "parameters": .any],
                        required: ["name", "description", "parameters"]
                    )
                ),
                "input_format": format, "output_format": format, "resume": .text,
                "conversation": .list(.members(["role": role, "text": .text], required: ["role", "text"])),
            ],
            required: [
                "type", "protocol", "call_id", "direction", "from", "to", "metadata", "variables", "instructions",
                "tools", "input_format", "output_format",
            ]
        ),
        "caller_started": .members(["type": .text]),
        "caller_stopped": .members(["type": .text]),
        "interrupted": .members(
            ["type": .text, "response": .text, "heard_ms": .integer(0...3_600_000)],
            required: ["response", "heard_ms"]
        ),
        "cancel": .members(["type": .text, "response": .text], required: ["response"]),
        "mark_played": .members(["type": .text, "name": .text, "cut": .truth], required: ["name", "cut"]),
        "tool_result": .members(
            ["type": .text, "id": .text, "name": .text, "output": .text],
            required: ["id", "name", "output"]
        ),
        "dtmf": .members(["type": .text, "digit": .text], required: ["digit"]),
        "say": .members(["type": .text, "text": .text], required: ["text"]),
        "message": .members(
            ["type": .text, "role": role, "text": .text, "respond": .truth],
            required: ["role", "text", "respond"]
        ),
        "update": .members(["type": .text, "instructions": .text], required: ["instructions"]),
        "error": .members(["type": .text, "code": .text, "message": .text], required: ["code", "message"]),
        "ended": .members(
            [
                "type": .text, "reason": .text, "note": .text, "duration_ms": .integer(0...Int.max),
                "talking_ms": .integer(0...Int.max),
            ],
            required: ["reason", "duration_ms", "talking_ms"]
        ),
    ])
}
