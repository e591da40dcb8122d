"""Google's own package judges the fake model, and the messages of the bridge to a model."""

import asyncio
import collections
import json

from google import genai
from google.genai import types
from pydantic import ValidationError

from judge_openai import caller_audio
from stage import verdicts
from wire import events

check = verdicts.check


def server_fault(message):
    # The service may name a voice that the package does not know yet; the fake must not.
    return _fault(types.LiveServerMessage, message)


def client_fault(message):
    message = json.loads(json.dumps(message))
    # The package writes this member apart from its own type.
    input_config = (message.get("setup") or {}).pop("realtimeInputConfig", None)
    return _fault(types.LiveClientMessage, message) or (
        input_config is not None and _fault(types.RealtimeInputConfig, input_config)) or _camel_cased(message)


def is_ready(message):
    return "setupComplete" in message


def _fault(model, message):
    try:
        # The package's type refuses unknown names at every depth, and decodes base64.
        model.model_validate_json(json.dumps(message))
        return None
    except ValidationError as error:
        return f"{json.dumps(message)[:300]}: {[(one['loc'], one['msg']) for one in error.errors()[:3]]}"


def _camel_cased(value, path=""):
    """Finds names in snake_case: the package accepts them as its own, but the wire has camelCase."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name in ("args", "response", "parameters", "parametersJsonSchema", "properties"):
                continue
            if "_" in name:
                return f"{path}.{name} is not camelCase"
            if wrong := _camel_cased(one, f"{path}.{name}"):
                return wrong
    elif isinstance(value, list):
        for index, one in enumerate(value):
            if wrong := _camel_cased(one, f"{path}[{index}]"):
                return wrong
    return None


def _kinds(messages):
    kinds = set()
    for message in messages:
        for key, value in message.items():
            kinds.add(key)
            if key in ("serverContent", "realtimeInput"):
                kinds.update(value)
    return kinds


SPOKEN = {"setupComplete", "modelTurn", "interrupted", "generationComplete", "turnComplete", "toolCall", "usageMetadata",
          "inputTranscription", "outputTranscription"}


def conversation(connections):
    sockets = [one for one in connections if one.is_websocket]
    check("gemini: the bridge opens one socket", len(sockets) == 1, len(sockets))
    sent = [message for one in sockets for message in events(one.client_messages())]
    answered = [message for one in sockets for message in events(one.server_messages())]
    verdicts.check_all("gemini: the bridge's messages match the package's types", sent, client_fault)
    verdicts.check_all("gemini: the fake's messages match the package's types", answered, server_fault)
    wanted = {"setup", "realtimeInput", "audio", "toolResponse"}
    check("gemini: the bridge has sent every kind of message that it can send", wanted <= _kinds(sent), wanted - _kinds(sent))
    wanted = SPOKEN | {"sessionResumptionUpdate"}
    check("gemini: the fake has sent every kind of message that a call needs", wanted <= _kinds(answered), wanted - _kinds(answered))
    opcodes = {opcode for one in sockets for opcode, _ in one.server_messages()}
    check("gemini: the fake sends binary frames, as the service does", opcodes == {2}, opcodes)


async def drive_fake(tap, trust):
    """The package's client talks with the fake, without any code of Talkpath."""
    client = genai.Client(api_key="any", http_options={
        "base_url": f"https://localhost:{tap.port}", "async_client_args": {"ssl": trust}})
    config = types.LiveConnectConfig(
        response_modalities=["AUDIO"], system_instruction="Be brief.",
        speech_config={"voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}}},
        input_audio_transcription={}, output_audio_transcription={}, session_resumption={},
        context_window_compression={"sliding_window": {}},
        realtime_input_config={"automatic_activity_detection": {"silence_duration_ms": 300}},
        tools=[{"function_declarations": [{"name": "opening_hours", "description": "When a place is open."}]}],
    )
    counts = collections.Counter()
    async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
        async def until(condition):
            while True:
                message = await asyncio.wait_for(session._receive(), 20)
                content = message.server_content
                for name in ("tool_call", "usage_metadata", "session_resumption_update", "go_away"):
                    counts[name] += getattr(message, name) is not None
                if content:
                    for name in ("model_turn", "interrupted", "generation_complete", "turn_complete"):
                        counts[name] += bool(getattr(content, name))
                if condition(message):
                    return message

        def completes(message):
            return message.server_content and message.server_content.turn_complete

        async def ask():
            audio = caller_audio(16000)
            for at in range(0, len(audio), 3200):
                await session.send_realtime_input(
                    audio=types.Blob(data=audio[at:at + 3200], mime_type="audio/pcm;rate=16000"))

        await session.send_client_content(
            turns={"role": "user", "parts": [{"text": "Greet."}]}, turn_complete=True)
        await until(completes)
        check("gemini: the fake sends a greeting", counts["model_turn"] > 0 and counts["generation_complete"] == 1, counts)
        await ask()
        call = (await until(lambda message: message.tool_call)).tool_call.function_calls[0]
        check("gemini: the fake calls a function with its argument", call.name == "opening_hours" and call.args == {"place": "clinic"}, call)
        await session.send_tool_response(function_responses=[
            types.FunctionResponse(id=call.id, name=call.name, response={"output": "9-5"})])
        await until(lambda message: message.server_content and message.server_content.model_turn)
        await ask()
        await until(lambda message: message.server_content and message.server_content.interrupted)
        await until(completes)
        await session.send_realtime_input(audio_stream_end=True)
        await session.send_realtime_input(text="Are you there?")
    connections = [one for one in tap.connections if one.is_websocket]
    answered = [message for one in connections for message in events(one.server_messages())]
    verdicts.check_all("gemini: the package's client understands the fake's messages", answered, server_fault)
    missing = SPOKEN - _kinds(answered)
    check("gemini: the package's client has received every kind of message", not missing, (missing, counts))


async def drive_features(tap, trust):
    """Uses features that the bridge does not use, but other clients do."""
    client = genai.Client(api_key="any", http_options={
        "base_url": f"https://localhost:{tap.port}", "async_client_args": {"ssl": trust}})
    before = len(tap.connections)

    async def turn(session, text):
        """Sends a text and returns the answer, up to the end of the turn."""
        await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]}, turn_complete=True)
        seen = []
        while not (seen and seen[-1].server_content and seen[-1].server_content.turn_complete):
            seen.append(await asyncio.wait_for(session._receive(), 20))
        return seen

    def words(messages):
        turns = [one.server_content.model_turn for one in messages if one.server_content]
        return "".join(part.text or "" for one in turns if one for part in one.parts)

    writing = types.LiveConnectConfig(response_modalities=["TEXT"], generation_config={"stop_sequences": ["END"]})
    async with client.aio.live.connect(model="gemini-3.8-live", config=writing) as session:
        seen = await turn(session, "Greet.")
        check("gemini: a session in text answers in text", words(seen) == "How can I help you?", words(seen))
        audio = [one for one in seen if one.data]
        check("gemini: a session in text sends no audio", not audio, len(audio))
        # The script has no answer to these texts.
        for text in ("And else?", "Still there?"):
            seen = await turn(session, text)
            check("gemini: a text outside the script gets a turn that ends", seen[-1].usage_metadata is not None, seen[-1])

    voice = {"replicated_voice_config": {"mime_type": "audio/wav", "voice_sample_audio": bytes(100)}}
    configured = {
        "a voice made from a sample": {"speech_config": {"voice_config": voice}},
        "a translation": {"translation_config": {"target_language_code": "de", "echo_target_language": True}},
        "a session with thinking and proactive audio": {"thinking_config": {"thinking_level": "LOW"}, "proactivity": {"proactive_audio": True}},
    }
    for name, more in configured.items():
        config = types.LiveConnectConfig(response_modalities=["AUDIO"], **more)
        async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
            seen = await turn(session, "Greet.")
            check(f"gemini: {name} is accepted", any(one.data for one in seen), seen[-1])

    async with client.aio.live.connect(model="gemini-3.8-live", config=types.LiveConnectConfig(
            response_modalities=["AUDIO"])) as session:
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "Greet."}]}, turn_complete=True)
        while not (await asyncio.wait_for(session._receive(), 20)).data:
            pass
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "Stop."}]}, turn_complete=False)
        seen = []
        while not (seen and seen[-1].server_content and seen[-1].server_content.turn_complete):
            seen.append(await asyncio.wait_for(session._receive(), 20))
        interrupted = any(one.server_content and one.server_content.interrupted for one in seen)
        counted = [one.usage_metadata.total_token_count for one in seen if one.usage_metadata]
        check("gemini: an interrupted turn reports its usage, too", interrupted and len(counted) == 1, (interrupted, counted))
    connections = [one for one in tap.connections[before:] if one.is_websocket]
    answered = [message for one in connections for message in events(one.server_messages())]
    verdicts.check_all("gemini: the package's client understands texts, voices and translations", answered, server_fault)


def can_fail():
    message = {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "AAAA"}}}
    check("gemini: the judge accepts a right message", client_fault(message) is None, client_fault(message))
    for name, wrong in (
        ("an unknown name", {"realtimeInput": {"adio": {}}}),
        ("an unknown name at depth", {"realtimeInput": {"audio": {"mimetype": "a"}}}),
        ("a name in snake_case", {"realtime_input": {"text": "x"}}),
        ("a wrong type", {"toolResponse": {"functionResponses": "x"}}),
        ("an unknown member of the setup", {"setup": {"realtimeInputConfig": {"activityHandlin": "x"}}}),
    ):
        check(f"gemini: the judge refuses {name}", client_fault(wrong))
