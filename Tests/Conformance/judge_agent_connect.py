"""Twilio's own framework for agents, `twilio-agent-connect`, as the bridge between the simulated carrier and model."""

import asyncio
import contextlib

import uvicorn
import websockets
from tac import TAC, TACConfig
from tac.channels.voice import VoiceChannel
from tac.channels.voice.media_streams.openai_realtime import OpenAIRealtimeProviderConfig, provider
from tac.server import TACFastAPIServer, TACServerConfig
from tac.tools import function_tool

from caller import Log
from stage import ACCOUNT, API_KEY, API_SECRET, HERE, NUMBER, TOKEN, verdicts
from wire import events, free_port

check = verdicts.check
HOST = "agents.example"


class _Loopback:
    """Replaces the package `websockets` in the framework's code, which connects to one fixed address only."""

    def __init__(self, port):
        self.port = port

    def connect(self, url, **named):
        return websockets.connect(url.replace("wss://api.openai.com", f"ws://127.0.0.1:{self.port}"), **named)


async def between_simulators(stage):
    """Takes one incoming call: the framework connects the simulated carrier with the simulated model."""
    play = ("--conversation", str(HERE / "conversation"))
    model = await stage.tap(await stage.fake_model("openai", *play))
    provider.websockets = _Loopback(model.port)
    asked = []

    @function_tool(name="opening_hours", description="When a place is open.")
    async def opening_hours(place: str) -> str:
        asked.append(place)
        return "9-5"

    @function_tool(name="end_call", description="Ends the call.")
    async def end_call(reason: str) -> str:
        return "ended"

    tools = [opening_hours, end_call]
    form = {"type": "audio/pcmu"}
    tac = TAC(TACConfig(
        account_sid=ACCOUNT, auth_token=TOKEN, api_key=API_KEY, api_secret=API_SECRET, phone_number=NUMBER,
        voice_public_domain=HOST))
    channel = VoiceChannel(tac, config=OpenAIRealtimeProviderConfig(
        openai_api_key="any", tools=tools, welcome_greeting_response={"instructions": "Greet."},
        default_session_config={
            "type": "realtime", "model": "gpt-realtime", "instructions": "Be brief.",
            "audio": {
                "input": {"format": form, "transcription": {"model": "whisper-1"},
                          "turn_detection": {"type": "server_vad", "silence_duration_ms": 300}},
                "output": {"format": form, "voice": "marin"}},
            "tools": [one.to_realtime_format() for one in tools]}))
    ended = asyncio.get_running_loop().create_future()

    @tac.on_conversation_ended
    async def _ended(session):
        if not ended.done():
            ended.set_result(session.metadata.get("transcript", []))

    port = free_port()
    app = TACFastAPIServer(tac, voice_channel=channel, config=TACServerConfig(port=port)).app

    async def behind_proxy(scope, receive, send):
        """Adds the header of a proxy that ends TLS, as the carrier expects one."""
        if "headers" in scope:
            scope["headers"] = [*scope["headers"], (b"x-forwarded-proto", b"https")]
        await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(behind_proxy, host="127.0.0.1", port=port, log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    carrier = await stage.tap(port)
    with Log("tac") as log:
        await stage.fake_twilio(carrier.port, *play, "--dial-in", f"https://{HOST}/twiml")
        try:
            transcript = await asyncio.wait_for(ended, 60)
        except TimeoutError:
            transcript = None
    server.should_exit = True
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(serving, 5)
    requests = [(one.method, one.target) for connection in carrier.connections for one in connection.requests()]
    check("agent connect: the conversation runs to its end", transcript is not None, (requests, log.lines[-5:], stage.logs()))
    said = [one["text"] for one in transcript or [] if one["role"] == "assistant"]
    heard = [one["text"] for one in transcript or [] if one["role"] == "user"]
    check("agent connect: the transcript has the agent's words", said[:1] == ["How can I help you?"] and "Every day." in said, transcript)
    check("agent connect: the transcript has the caller's words", heard[:2] == ["When are you open?", "The pharmacy."], transcript)
    check("agent connect: the function is called exactly once", asked == ["clinic"], asked)
    answered = [event for one in model.connections if one.is_websocket for event in events(one.server_messages())]
    expected = "response_cancel_not_active"
    faults = [event for event in answered if event["type"] == "error" and event["error"]["code"] != expected]
    check("agent connect: the fake model reports no error", not faults, faults)
    media = [event for one in carrier.connections if one.is_websocket for event in events(one.server_messages())]
    kinds = {event["event"] for event in media}
    check("agent connect: the framework plays audio and clears it", {"media", "clear"} <= kinds, kinds)
    check("agent connect: the framework logs no warning", not log.lines, log.lines[:5])
