#!/usr/bin/env python3
"""An agent of your own behind a telephone: speech to text, a language model, and text to speech, each of them a stub.

    pip install websockets
    TALKPATH_SOCKET_KEY=secret python3 agent.py 8090

Then start Talkpath with TALKPATH_AGENT_PROVIDER=socket TALKPATH_SOCKET_URL=ws://127.0.0.1:8090 TALKPATH_SOCKET_KEY=secret.
docs/agent-socket.md describes the messages.
"""

import array
import asyncio
import json
import math
import os
import sys

import websockets

RATE = 16000
KEY = os.environ.get("TALKPATH_SOCKET_KEY", "")


def hear(audio):
    """Speech to text: put your recogniser here."""
    return f"({len(audio) / 2 / RATE:.1f} seconds of speech)"


def think(words):
    """What to say to it: put your language model here."""
    return f"I have heard {words} and I will tell you a long story about the harbour until you interrupt me"


def speak(text):
    """Text to speech, piece by piece: put your synthesiser here. This one hums a tone for each word."""
    for number, _ in enumerate(text.split()):
        step = 2 * math.pi * (330 + 60 * (number % 4)) / RATE
        yield array.array("h", (int(9000 * math.sin(step * at)) for at in range(RATE * 3 // 10))).tobytes()


async def call(socket):
    if KEY and socket.request.headers.get("Authorization") != f"Bearer {KEY}":
        return await socket.close(1008, "the secret is another one")
    start = json.loads(await socket.recv())
    print("call", start["call_id"], start["direction"], flush=True)
    answer, count, heard = None, 0, bytearray()

    async def send(**message):
        await socket.send(json.dumps(message))

    async def say(text):
        nonlocal count
        count += 1
        name, status = f"r{count}", "completed"
        await send(type="response_start", response=name)
        try:
            for piece in speak(text):
                await socket.send(piece)
                await asyncio.sleep(0.1)  # As a synthesiser does, it makes speech faster than it is spoken.
        except asyncio.CancelledError:
            status = "cancelled"
        await send(type="transcript", speaker="agent", response=name, text=text)
        await send(type="response_end", response=name, status=status)

    def begin(text):
        nonlocal answer
        if answer:
            answer.cancel()
        answer = asyncio.create_task(say(text))

    audio = {"encoding": "pcm16", "sample_rate": RATE}
    await send(type="ready", caller_turns=True, input_format=audio, output_format=audio)
    async for message in socket:
        if isinstance(message, bytes):
            heard += message
            continue
        event = json.loads(message)
        match event["type"]:
            case "caller_started":
                del heard[:-RATE]  # The detector needs a moment: keep half a second from before.
            case "caller_stopped":
                words = hear(heard)
                await send(type="transcript", speaker="caller", text=words)
                begin(think(words))
            case "cancel" if answer:
                answer.cancel()
            case "say":
                begin(event["text"])
            case "message" if event["respond"]:
                begin(think(event["text"]))
            case "dtmf":
                begin(f"You have pressed {event['digit']}")
            case "ended":
                print("ended", event["reason"], flush=True)
    if answer:
        answer.cancel()


async def main(port):
    async with websockets.serve(call, "127.0.0.1", port) as server:
        print(f"waiting for calls at ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8090))
