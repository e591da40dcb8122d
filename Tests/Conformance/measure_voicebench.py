#!/usr/bin/env python3
"""Measures calls from outside, by their audio, with the package `voicebench`: a report, not a verdict.

    measure_voicebench.py TALKPATH        the executable

The report has the time until the agent speaks and the time until an interrupted agent stops, with each simulated model.
The bridge's part is the time beyond the model's 200 ms of thought and the caller's silence that ends a turn.
"""

import asyncio
import base64
import json
import pathlib
import sys
import urllib.parse
import uuid
import xml.etree.ElementTree

import numpy
import websockets
from streamdouble.g711 import decode, encode
from twilio.request_validator import RequestValidator
from voicebench import audio as sound
from voicebench.adapters.base import Adapter, AgentAudio, AgentClear
from voicebench.bench import run_benchmark
from voicebench.report import render_console
from voicebench.scenario import load_scenario

from stage import ACCOUNT, HERE, NUMBER, ORIGIN, TOKEN, Stage, request
from wire import free_port

SCENARIO = """
name: {provider}
sample_rate: 8000
frame_ms: 20
turns:
  - {{id: question, audio: {{file: {folder}/caller-1-question.wav}}, start: {{after: agent_speech_end, delay_ms: 400}}}}
  - {{id: interruption, audio: {{file: {folder}/caller-2-interruption.wav}},
      start: {{after: agent_speech_start, delay_ms: 1200}}, expect: stop}}
"""


class MediaStream(Adapter):
    """A carrier's media stream into the bridge."""

    name = "media-stream"
    port = None

    async def connect(self):
        self.sid, self.number, self.played = uuid.uuid4().hex, 0, 0.0
        self.marks = []
        fields = {
            "CallSid": f"CA{self.sid}", "AccountSid": ACCOUNT, "From": "+14155550111", "To": NUMBER,
            "CallStatus": "ringing", "Direction": "inbound", "ApiVersion": "2010-04-01",
        }
        headers = {
            "X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(ORIGIN + "/twilio/voice", fields),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = urllib.parse.urlencode(fields).encode()
        _, text = await asyncio.to_thread(request, "POST", f"http://127.0.0.1:{self.port}/twilio/voice", body, headers)
        stream = xml.etree.ElementTree.fromstring(text).find(".//Stream")
        parameters = {one.get("name"): one.get("value") for one in stream.iter("Parameter")}
        self.socket = await websockets.connect(
            f"ws://127.0.0.1:{self.port}" + urllib.parse.urlsplit(stream.get("url")).path)
        await self._send("connected", protocol="Call", version="1.0.0")
        await self._send("start", start={
            "streamSid": f"MZ{self.sid}", "callSid": f"CA{self.sid}", "accountSid": ACCOUNT, "tracks": ["inbound"],
            "customParameters": parameters,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}})
        self.reading = asyncio.create_task(self._read())

    async def _send(self, event, **members):
        self.number += 1
        message = {"event": event, "sequenceNumber": str(self.number), "streamSid": f"MZ{self.sid}"} | members
        await self.socket.send(json.dumps(message))

    async def _read(self):
        loop = asyncio.get_running_loop()
        async for text in self.socket:
            message, now = json.loads(text), self.session.clock.now()
            if message["event"] == "media":
                samples = decode(base64.b64decode(message["media"]["payload"]))
                self.played = max(self.played, now) + len(samples) / 8000
                self.emit(AgentAudio(numpy.asarray(samples, dtype=numpy.float32) / 32768, now))
            elif message["event"] == "mark":
                name = message["mark"]["name"]
                self.marks.append(loop.call_later(max(self.played - now, 0), self._played, name))
            elif message["event"] == "clear":
                self.played = now
                self.emit(AgentClear(now))

    def _played(self, name):
        self.echo = asyncio.create_task(self._send("mark", mark={"name": name}))

    async def send_audio(self, pcm):
        payload = encode((numpy.clip(pcm, -1, 1) * 32767).astype(numpy.int16))
        await self._send("media", media={
            "track": "inbound", "chunk": str(self.number), "timestamp": str(self.number * 20),
            "payload": base64.b64encode(payload).decode()})

    async def close(self):
        for mark in self.marks:
            mark.cancel()
        await self.socket.close()
        self.reading.cancel()


async def measure(stage, provider):
    model = await stage.fake_model(provider, "--conversation", str(HERE / "conversation"))
    path = {"openai": "v1/realtime", "gemini": "ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"}
    url = f"ws://127.0.0.1:{model}/{path[provider]}"
    MediaStream.port = port = free_port()
    await stage.server(
        port, await stage.fake_twilio(port), TALKPATH_AGENT_PROVIDER=provider, OPENAI_REALTIME_URL=url, GEMINI_LIVE_URL=url,
        TALKPATH_AGENT_FIRST_MESSAGE="How can I help you?")
    folder = HERE.parent.parent.resolve() / "fixtures/audio"
    scenario = pathlib.Path(stage.folder.name) / f"{provider}.yaml"
    scenario.write_text(SCENARIO.format(provider=provider, folder=folder))
    result = await run_benchmark(load_scenario(scenario), adapter="measure_voicebench:MediaStream", realtime=True)
    print(render_console(result.report, result.sessions))


async def main(binary):
    import measure_voicebench

    async with Stage(binary) as stage:
        for provider in ("openai", "gemini"):
            await measure_voicebench.measure(stage, provider)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
