"""OpenAI's own package judges the fake model, and the messages of the bridge to a model."""

import array
import asyncio
import base64
import collections
import json
import wave

import openai
from openai.types import realtime
from pydantic import BaseModel, TypeAdapter, ValidationError

from stage import HERE, verdicts
from wire import events

check = verdicts.check
_server = TypeAdapter(realtime.RealtimeServerEvent)
_client = TypeAdapter(realtime.RealtimeClientEvent)


def _unknown(value, path=""):
    """Names that the package's types do not have, at any depth. The types themselves accept them."""
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}.{name}"
        for name in type(value).model_fields:
            yield from _unknown(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, one in enumerate(value):
            yield from _unknown(one, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _unknown(one, f"{path}.{name}")


def _fault(adapter, but=frozenset()):
    def fault(event):
        try:
            unknown = set(_unknown(adapter.validate_json(json.dumps(event), strict=True))) - but
        except ValidationError as error:
            return f"{json.dumps(event)[:300]}: {error.errors()[:3]}"
        return f"{event.get('type')}: unknown {unknown}" if unknown else None
    return fault


# Members that the service adds to the session that it reports. The package has one type for the session reported and
# the session requested.
EFFECTIVE = {".session.id", ".session.object", ".session.expires_at"}

server_fault, client_fault = _fault(_server, but=EFFECTIVE), _fault(_client)



def is_ready(event):
    return event["type"] == "session.updated"


SPOKEN = {
    "session.created", "session.updated", "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done",
    "conversation.item.input_audio_transcription.completed", "conversation.item.truncated", "response.created",
    "response.done", "response.output_item.added", "response.output_item.done", "response.content_part.added",
    "response.content_part.done", "response.output_audio.delta", "response.output_audio.done",
    "response.output_audio_transcript.delta", "response.output_audio_transcript.done",
    "response.function_call_arguments.delta", "response.function_call_arguments.done", "rate_limits.updated",
}


def conversation(connections):
    """Judges the messages between the bridge and the fake on a whole call."""
    sockets = [one for one in connections if one.is_websocket]
    check("openai: the bridge opens one socket", len(sockets) == 1, len(sockets))
    sent = [event for one in sockets for event in events(one.client_messages())]
    answered = [event for one in sockets for event in events(one.server_messages())]
    verdicts.check_all("openai: the bridge's events match the package's types", sent, client_fault)
    verdicts.check_all("openai: the fake's events match the package's types", answered, server_fault)
    told = {event["type"] for event in sent}
    wanted = {"session.update", "input_audio_buffer.append", "conversation.item.truncate", "conversation.item.create",
              "response.create"}
    check("openai: the bridge has sent every kind of event that it can send", wanted <= told, wanted - told)
    seen = {event["type"] for event in answered}
    check("openai: the fake has sent every kind of event that a call needs", SPOKEN <= seen, SPOKEN - seen)
    complaints = [event for event in answered if event["type"] == "error"]
    check("openai: the fake model reports no error to the bridge", not complaints, complaints)


def caller_audio(rate):
    """Returns a caller's question as 16-bit samples, resampled by repetition, and one second of silence."""
    with wave.open(str(HERE.parent.parent / "fixtures/audio/caller-1-question.wav")) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    factor = rate // 8000
    return array.array("h", [one for one in samples for _ in range(factor)]).tobytes() + bytes(2 * rate)


async def drive_fake(port):
    """The package's client talks with the fake, without any code of Talkpath."""
    client = openai.AsyncOpenAI(api_key="any", websocket_base_url=f"ws://127.0.0.1:{port}/v1")
    heard = []

    async with client.realtime.connect(model="gpt-realtime") as connection:
        async def until(kind, times=1):
            found = []
            while len(found) < times:
                data = await asyncio.wait_for(connection.recv_bytes(), 20)
                connection.parse_event(data)
                event = json.loads(data)
                heard.append(event)
                if event["type"] == kind:
                    found.append(event)
            return found[-1]

        await until("session.created")
        await connection.session.update(session={
            "type": "realtime", "instructions": "Be brief.", "output_modalities": ["audio"],
            "audio": {
                "input": {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": {"model": "whisper-1"},
                          "turn_detection": {"type": "server_vad", "silence_duration_ms": 300}},
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
            },
            "tools": [{"type": "function", "name": "opening_hours", "description": "When a place is open.",
                       "parameters": {"type": "object", "properties": {}}}],
        })
        updated = await until("session.updated")
        check("openai: the package's client changes the session", updated["session"]["instructions"] == "Be brief.", updated)
        await connection.response.create()
        greeting = await until("response.done")
        check("openai: the fake sends a greeting", greeting["response"]["status"] == "completed", greeting)

        async def ask():
            audio = caller_audio(24000)
            for at in range(0, len(audio), 4800):
                await connection.input_audio_buffer.append(audio=base64.b64encode(audio[at:at + 4800]).decode())

        await ask()
        call = await until("response.function_call_arguments.done")
        await until("response.done")
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call["call_id"], "output": '{"hours":"9-5"}'})
        await until("conversation.item.done")
        await connection.response.create()
        delta = await until("response.output_audio.delta", times=3)
        await ask()
        cancelled = await until("response.done")
        check("openai: the caller's speech interrupts the response", cancelled["response"]["status"] == "cancelled" and
              cancelled["response"]["status_details"]["reason"] == "turn_detected", cancelled)
        await connection.conversation.item.truncate(item_id=delta["item_id"], content_index=0, audio_end_ms=10)
        await until("conversation.item.truncated")
        await until("response.created")
        await connection.response.cancel()
        await until("response.done")
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello?"}]})
        added = await until("conversation.item.done")
        await connection.conversation.item.retrieve(item_id=added["item"]["id"])
        await until("conversation.item.retrieved")
        await connection.conversation.item.delete(item_id=added["item"]["id"])
        await until("conversation.item.deleted")
        await connection.input_audio_buffer.clear()
        await until("input_audio_buffer.cleared")
        await connection.input_audio_buffer.commit()
        error = await until("error")
        check("openai: a commit of an empty buffer is refused", error["error"]["code"] == "input_audio_buffer_commit_empty", error)
        await connection.response.cancel()
        error = await until("error")
        check("openai: a second cancel of a response is refused", error["error"]["code"] == "response_cancel_not_active", error)
    verdicts.check_all("openai: the package's client understands the fake's events", heard, server_fault)
    missing = SPOKEN - {event["type"] for event in heard}
    check("openai: the package's client has received every kind of event", not missing,
          (missing, collections.Counter(event["type"] for event in heard)))


class _Talk:
    """One connection of the package's client, with all the events that it has received."""

    def __init__(self, connection):
        self.connection = connection
        self.heard = []

    async def until(self, kind, **wanted):
        """Returns the next event of that kind with these members."""
        while True:
            data = await asyncio.wait_for(self.connection.recv_bytes(), 20)
            self.connection.parse_event(data)
            event = json.loads(data)
            self.heard.append(event)
            if event["type"] == "error" and kind != "error":
                check(f"openai: no error comes before {kind}", False, event)
            if event["type"] == kind and all(event.get(name) == value for name, value in wanted.items()):
                return event

    async def add(self, **item):
        await self.connection.conversation.item.create(item=item)

    async def ask(self):
        audio = caller_audio(24000)
        for at in range(0, len(audio), 4800):
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(audio[at:at + 4800]).decode())


async def drive_features(port):
    """Uses features that the bridge does not use, but other clients do."""
    client = openai.AsyncOpenAI(api_key="any", websocket_base_url=f"ws://127.0.0.1:{port}/v1")
    async with asyncio.TaskGroup() as group:
        group.create_task(_texts(client))
        group.create_task(_servers(client))
        group.create_task(_transcription(client))


async def _texts(client):
    async with client.realtime.connect(model="gpt-realtime") as connection:
        talk = _Talk(connection)
        await connection.session.update(session={
            "type": "realtime", "output_modalities": ["text"], "instructions": None, "tools": None,
            "audio": {"input": {"noise_reduction": None, "turn_detection": {
                "type": "server_vad", "idle_timeout_ms": 5000, "silence_duration_ms": 300}}},
        })
        await talk.until("session.updated")
        await connection.response.create()
        done = await talk.until("response.done")
        part = done["response"]["output"][0]["content"][0]
        check("openai: a session in text answers in text", part["type"] == "output_text" and part["text"], done)
        await connection.response.create(response={
            "conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "sum"},
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Sum up."}]}]})
        done = await talk.until("response.done")
        check("openai: a response outside the conversation has no conversation id",
              done["response"]["conversation_id"] is None and done["response"]["metadata"] == {"topic": "sum"}, done)
        await talk.add(type="function_call", id="earlier", call_id="c1", name="opening_hours", arguments="{}")
        await talk.until("conversation.item.done")
        await talk.add(type="function_call_output", call_id="c1", output="9-5")
        item = await talk.until("conversation.item.done")
        check("openai: a function call of an earlier session is restored", item["previous_item_id"] == "earlier", item)
        await talk.add(type="function_call", id="earlier", call_id="c2", name="opening_hours", arguments="{}")
        error = await talk.until("error")
        check("openai: an item's id is accepted once only", error["error"]["param"] == "item.id", error)
        await connection.response.create()
        await talk.until("response.done")
        idle = await talk.until("input_audio_buffer.timeout_triggered")
        check("openai: the caller's silence triggers the idle timeout", idle["audio_end_ms"] >= idle["audio_start_ms"], idle)
        await talk.until("response.done")
    verdicts.check_all("openai: the package's client understands texts and silence", talk.heard, server_fault)


async def _servers(client):
    async with client.realtime.connect(model="gpt-realtime") as connection:
        talk = _Talk(connection)
        await connection.session.update(session={
            "type": "realtime",
            "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}},
            "tools": [{"type": "mcp", "server_label": "desk", "server_url": "https://desk.example/mcp",
                       "allowed_tools": ["opening_hours"], "require_approval": "always"}],
        })
        await talk.until("mcp_list_tools.completed")
        listing = (await talk.until("conversation.item.done"))["item"]
        check("openai: the tools of an MCP server are listed", listing["tools"][0]["name"] == "opening_hours", listing)
        await talk.ask()
        while (item := (await talk.until("conversation.item.done"))["item"])["type"] != "mcp_approval_request":
            pass
        await talk.until("response.done")
        await talk.add(type="mcp_approval_response", id="leave", approval_request_id=item["id"], approve=True)
        await talk.until("response.mcp_call.completed")
        done = await talk.until("response.done")
        call = done["response"]["output"][0]
        check("openai: an approved MCP tool is called", call["approval_request_id"] == item["id"], call)
        await talk.until("response.output_audio.delta")
    verdicts.check_all("openai: the package's client understands MCP tools", talk.heard, server_fault)


async def _transcription(client):
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        talk = _Talk(connection)
        await connection.session.update(session={
            "type": "transcription",
            "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000},
                                "transcription": {"model": "gpt-transcribe"},
                                "turn_detection": {"type": "server_vad", "silence_duration_ms": 300}}},
        })
        updated = await talk.until("session.updated")
        check("openai: a transcription session reports its type", updated["session"]["type"] == "transcription", updated)
        await talk.ask()
        await talk.until("conversation.item.input_audio_transcription.completed")
        await connection.response.create()
        error = await talk.until("error")
        check("openai: a transcription session refuses a response", error["error"]["param"] == "type", error)
    verdicts.check_all("openai: the package's client understands a transcription", talk.heard, server_fault)


def can_fail():
    """The judge must refuse events that are nearly right."""
    event = {"type": "input_audio_buffer.append", "audio": "AAAA"}
    check("openai: the judge accepts a right event", client_fault(event) is None, client_fault(event))
    for wrong in ({"adio": "AAAA"}, {"audio": 1}, {"type": "input_audio_buffer.apend"}, {"audio_end_ms": 3}):
        check(f"openai: the judge refuses {wrong}", client_fault(event | wrong))
    deep = {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"fromat": None}}}}
    check("openai: the judge refuses an unknown name at depth", client_fault(deep))
