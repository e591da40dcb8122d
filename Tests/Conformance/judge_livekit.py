"""LiveKit's agents talk with the fake models. Realtime clients, turn handling and playback are LiveKit's."""

import asyncio
import contextlib
import time

from google.genai import types
from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice import io
from livekit.plugins import google, openai

from caller import Log, Microphone
from stage import verdicts
from wire import events

check = verdicts.check


class Ear(io.AudioInput):
    """The caller's audio, a frame of 20 ms every 20 ms."""

    def __init__(self, microphone):
        super().__init__(label="caller")
        self.microphone = microphone

    async def __anext__(self):
        data = await self.microphone.next()
        return rtc.AudioFrame(data, self.microphone.rate, 1, len(data) // 2)


class Mouth(io.AudioOutput):
    """Plays the agent's audio in real time, and stops it when it is interrupted."""

    def __init__(self):
        super().__init__(label="line", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=24000)
        self.began, self.pushed, self.ending = None, 0.0, None
        self.heard, self.cuts, self.starts = [], [], asyncio.Queue()

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        if self.began is None:
            self.began = time.monotonic()
            self.starts.put_nowait(len(self.heard))
            self.on_playback_started(created_at=time.time())
        self.pushed += frame.duration

    def flush(self):
        super().flush()
        if self.began is not None and self.ending is None:
            left = self.began + self.pushed - time.monotonic()
            self.ending = asyncio.get_running_loop().call_later(max(left, 0), self._end, False)

    def clear_buffer(self):
        if self.began is not None:
            if self.ending:
                self.ending.cancel()
            self._end(True)

    def _end(self, cut):
        played = min(time.monotonic() - self.began, self.pushed)
        self.began, self.pushed, self.ending = None, 0.0, None
        self.heard.append(played)
        if cut:
            self.cuts.append(played)
        self.on_playback_finished(playback_position=played, interrupted=cut)


class Clerk(Agent):
    def __init__(self):
        super().__init__(instructions="Be brief.")
        self.asked = []

    @function_tool
    async def opening_hours(self, place: str) -> str:
        """When a place is open."""
        self.asked.append(place)
        return "9-5"


async def _call(name, model, greet):
    """Holds a conversation: a greeting, a question with a look-up, an interruption, a goodbye."""
    microphone, mouth, clerk = Microphone(24000), Mouth(), Clerk()
    said, faults = [], []
    session = AgentSession(llm=model, turn_handling={"interruption": {"resume_false_interruption": False}})

    @session.on("conversation_item_added")
    def _added(event):
        if event.item.type == "message":
            said.append((event.item.role, event.item.text_content or "", event.item.interrupted))

    @session.on("error")
    def _error(event):
        faults.append(repr(event.error))

    session.input.audio, session.output.audio = Ear(microphone), mouth
    with Log("livekit") as log:
        await session.start(agent=clerk)
        try:
            async with asyncio.timeout(45):
                if greet:
                    await session.generate_reply()
                    await mouth.starts.get()
                    while len(mouth.heard) < 1:
                        await asyncio.sleep(0.02)
                await microphone.say("caller-1-question")
                await mouth.starts.get()
                await asyncio.sleep(0.9)
                await microphone.say("caller-2-interruption")
                await mouth.starts.get()
                while not mouth.heard or mouth.began is not None:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            faults.append("the conversation did not end within 45 s")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await session.aclose()
    check(f"{name}: the conversation runs to its end", not faults, (faults, mouth.heard, said, log.lines[-5:]))
    check(f"{name}: the function is called exactly once", clerk.asked == ["clinic"], clerk.asked)
    check(f"{name}: the caller's speech interrupts the agent", len(mouth.cuts) == 1 and 0.5 < mouth.cuts[0] < 3, (mouth.cuts, mouth.heard))
    words = [text for role, text, _ in said if role == "assistant"]
    wanted = (["How can I help you?"] if greet else []) + ["From", "Every day."]
    fits = len(words) == len(wanted) and all(one.startswith(two) for one, two in zip(words, wanted))
    check(f"{name}: the agent's words are reported in order", fits, said)
    asked = [text for role, text, _ in said if role == "user"]
    check(f"{name}: both utterances of the caller are transcribed", len(asked) == 2 and all(asked), said)
    check(f"{name}: the framework logs no warning", not log.lines, log.lines[:5])


async def openai_fake(tap):
    model = openai.realtime.RealtimeModel(
        api_key="any", base_url=f"http://127.0.0.1:{tap.port}/v1", model="gpt-realtime", voice="marin")
    await _call("livekit with openai", model, greet=True)
    await model.aclose()
    answered = [event for one in tap.connections if one.is_websocket for event in events(one.server_messages())]
    # LiveKit cancels responses that the service may have cancelled already, and expects this error.
    expected = "response_cancel_not_active"
    complaints = [event for event in answered if event["type"] == "error" and event["error"]["code"] != expected]
    check("livekit with openai: the fake model reports no error", not complaints, complaints)
    cut = [event for event in answered if event["type"] == "conversation.item.truncated"]
    check("livekit with openai: the framework tells the model where the caller interrupted", cut and 500 < cut[0]["audio_end_ms"] < 4000, cut)


async def gemini_fake(tap, trust):
    model = google.realtime.RealtimeModel(
        api_key="any", model="gemini-3.8-live",
        http_options=types.HttpOptions(base_url=f"https://localhost:{tap.port}", async_client_args={"ssl": trust}))
    await _call("livekit with gemini", model, greet=True)
    await model.aclose()
