"""Every option of a session that an agent can have, in as few agents as possible."""

_FUNCTION = {"name": "opening_hours", "description": "When a place is open."}
_DESK = {"server_label": "desk", "server_url": "https://desk.example/mcp"}

OPENAI = [
    {"openai": {
        "turn_detection": {"type": "server_vad", "threshold": 0.6, "prefix_padding_ms": 200, "silence_duration_ms": 400,
                           "idle_timeout_ms": 6000},
        "noise_reduction": {"type": "near_field", "strength": 0.5},
        "transcription": {"languages": ["de", "en"], "prompt": "A clinic.", "keywords": ["Sonnenschein"]},
        "speed": 1.1, "reasoning": {"effort": "low"}, "parallel_tool_calls": False, "tool_choice": "required",
        "max_output_tokens": 500, "tracing": {"workflow_name": "desk", "group_id": "g", "metadata": {"a": "b"}},
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 4000}},
    }, "tools": [_FUNCTION]},
    {"openai": {
        "turn_detection": {"type": "semantic_vad", "eagerness": "high"}, "noise_reduction": "off", "tracing": "auto",
        "transcription": {"model": "gpt-realtime-whisper", "languages": ["de"]}, "max_output_tokens": "inf",
        "tool_choice": {"type": "function", "name": "opening_hours"}, "truncation": "disabled",
    }, "tools": [_FUNCTION]},
    {"openai": {
        "turn_detection": {"type": "semantic_vad"}, "noise_reduction": {"type": "far_field"}, "truncation": "auto",
        "transcription": {"model": "gpt-4o-transcribe", "prompt": "A clinic."},
        "tool_choice": {"type": "mcp", "server_label": "desk", "name": "look"},
        "mcp_servers": [
            _DESK | {"authorization": "t", "headers": {"x-a": "b"}, "allowed_tools": ["look"],
                     "server_description": "The desk."},
            {"server_label": "drive", "connector_id": "connector_googledrive", "require_approval": "never"},
            {"server_label": "inside", "tunnel_id": "tunnel_1"},
        ],
    }},
    {"raw": {"include": ["item.input_audio_transcription.logprobs"], "audio": {"output": {"speed": 0.9}}}},
]

GEMINI = [
    {"gemini": {
        "activity_detection": {"start_sensitivity": "high", "end_sensitivity": "low", "prefix_padding_ms": 40,
                               "silence_duration_ms": 300},
        "turn_coverage": "all_input", "thinking_level": "low", "language": "de-DE",
        "transcription": {"languages": ["de-DE", "en-US"], "vocabulary": ["Sonnenschein"], "mode": "smart"},
        "proactive_audio": True, "affective_dialog": True,
        "context_compression": {"trigger_tokens": 20000, "target_tokens": 8000},
    }, "tools": [_FUNCTION | {"behavior": "background", "scheduling": "when_idle"}]},
    {"gemini": {
        "activity_detection": {"start_sensitivity": "low", "end_sensitivity": "high"}, "turn_coverage": "only_activity",
        "thinking_level": "xhigh", "transcription": {"mode": "verbatim"}, "context_compression": "off",
    }, "tools": [_FUNCTION | {"behavior": "blocking"}]},
    {"model": "gemini-3.8-live-extended-thinking", "gemini": {"thinking_level": "minimal"},
     "tools": [_FUNCTION | {"scheduling": "silent"}]},
    {"model": "gemini-2.5-flash-native-audio-preview-12-2025",
     "gemini": {"proactive_audio": False, "affective_dialog": False}, "tools": [_FUNCTION | {"behavior": "background"}]},
    {"raw": {"generationConfig": {"temperature": 0.7, "topP": 0.9}}},
]

# Options that the server refuses before it places the call, and the field that the answer names.
REFUSED = {
    "openai": [
        ({"model": "gpt-realtime-1.5", "openai": {"reasoning": {"effort": "low"}}}, "openai.reasoning.effort"),
        ({"openai": {"transcription": {"model": "whisper-1", "keywords": ["a"]}}}, "openai.transcription.keywords"),
        ({"openai": {"tool_choice": {"type": "function", "name": "nobody"}}}, "openai.tool_choice"),
        ({"openai": {"mcp_servers": [_DESK | {"require_approval": "always"}]}},
         "openai.mcp_servers[desk].require_approval"),
        ({"gemini": {"thinking_level": "low"}}, "gemini"),
        ({"raw": {"audio": {"input": {"format": {"type": "audio/pcm"}}}}}, "raw.audio.input.format"),
    ],
    "gemini": [
        ({"gemini": {"proactive_audio": False}}, "gemini.proactive_audio"),
        ({"model": "gemini-3.1-flash-live-preview", "tools": [_FUNCTION | {"behavior": "background"}]},
         "tools[opening_hours].behavior"),
        ({"tools": [_FUNCTION | {"scheduling": "silent"}]}, "tools[opening_hours].scheduling"),
        ({"openai": {"speed": 1.2}}, "openai"),
    ],
}
