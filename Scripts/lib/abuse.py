"""Shared code of Scripts/abuse: a server of the script's own, a model that talks without end, and callers, all on loopback.

A neighbour's call plays beside each trial. Its media socket records the frames in a separate process, so that the trial
does not delay its clock. A frame's lateness is the time between its due time (20 ms after the frame before) and its
arrival. Needs Python 3.9 only.
"""
import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from ports import free_port

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SILENCE = base64.b64encode(b"\xff" * 160).decode()


def parser(text, seconds):
    """The options of all scripts."""
    options = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=seconds, help=f"seconds that the neighbour listens ({seconds:g})")
    options.add_argument("--bound-ms", type=float, default=5, help="milliseconds by which the neighbour's p99 may grow (5)")
    options.add_argument(
        "--untimed", action="store_true", help="skip the bounds on time: for machines with other work"
    )
    return options


def program():
    """Returns the path of the release build, or the path in TALKPATH_BINARY."""
    path = os.environ.get("TALKPATH_BINARY") or os.path.join(TOP, ".build/release/talkpath")
    if not os.access(path, os.X_OK):
        sys.exit(f"{os.path.basename(sys.argv[0])}: no release build; run: swift build -c release --product talkpath")
    return path


# WebSocket frames.


def frame(payload, first=0x81, masked=True):
    mask = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = bytes([first, mask | size])
    elif size < 65536:
        head = bytes([first, mask | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, mask | 127]) + size.to_bytes(8, "big")
    # A mask of zeros leaves the payload as it is.
    return head + (bytes(4) if masked else b"") + payload


def text(message):
    return frame(message if isinstance(message, bytes) else json.dumps(message).encode())


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8), "big")
    mask = await reader.readexactly(4) if second & 0x80 else None
    payload = await reader.readexactly(size)
    if mask and any(mask):
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return first & 0x0F, payload


# Models.


class Models:
    """A server of models that talk without end, at their own pace. Subclasses override `talk` or `greet`."""

    async def start(self):
        self.listener = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 25)
        self.port = self.listener.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader, writer):
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            key = re.search(r"(?i)sec-websocket-key: *(\S+)", request).group(1)
            accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )

            def say(message):
                payload = message if isinstance(message, bytes) else json.dumps(message).encode()
                writer.write(frame(payload, masked=False))

            say({"type": "session.created", "session": {}})
            await read_frame(reader)
            say({"type": "session.updated", "session": {}})
            say({"type": "response.created", "response": {"id": "r"}})
            await self.talk(reader, writer, say)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def talk(self, reader, writer, say):
        listening = asyncio.ensure_future(self.listen(reader))
        delta = {"type": "response.output_audio.delta", "item_id": "i", "content_index": 0}
        delta["delta"] = base64.b64encode(bytes(24_000 * 2 // 5)).decode()
        # Audio is sent by the clock, one second ahead. Otherwise a late model would look like a late server.
        began, count = time.monotonic() - 1, 0
        while not listening.done():
            say(delta)
            await writer.drain()
            count += 1
            await asyncio.sleep(max(0, began + count * 0.2 - time.monotonic()))

    async def listen(self, reader):
        """Reads until the socket is closed; returns the close code."""
        try:
            while True:
                kind, payload = await read_frame(reader)
                if kind == 8:
                    return int.from_bytes(payload[:2], "big")
        except (OSError, asyncio.IncompleteReadError):
            return None


# Callers.


def upgrade(port):
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /twilio/media-stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def start_message(number):
    start = {
        "accountSid": "AC" + "0" * 32, "callSid": f"CA{number:032x}", "streamSid": f"MZ{number:032x}",
        "tracks": ["inbound"], "customParameters": {},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }
    return text({"event": "start", "sequenceNumber": "1", "streamSid": start["streamSid"], "start": start})


def media_message(number, count):
    media = {"track": "inbound", "chunk": str(count), "timestamp": str(count * 20), "payload": SILENCE}
    return text({"event": "media", "sequenceNumber": str(count + 1), "streamSid": f"MZ{number:032x}", "media": media})


def stop_message(number):
    call = {"accountSid": "AC" + "0" * 32, "callSid": f"CA{number:032x}"}
    return text({"event": "stop", "sequenceNumber": "9", "streamSid": f"MZ{number:032x}", "stop": call})


CLOSE = bytes([0x88, 0x82]) + bytes(4) + (1000).to_bytes(2, "big")


async def call(port, number):
    """Begins a call; returns the reader, the writer and the stream's name."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(upgrade(port))
    answer = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in answer:
        writer.close()
        raise RuntimeError(answer.split(b"\r\n", 1)[0].decode())
    writer.write(start_message(number))
    await writer.drain()
    return reader, writer, f"MZ{number:032x}"


async def short_call(port, number, seconds=0.05):
    """Plays a call of three frames, and hangs up."""
    reader, writer, _ = await call(port, number)
    try:
        for count in range(3):
            writer.write(media_message(number, count + 1))
        await writer.drain()
        await asyncio.sleep(seconds)
        writer.write(stop_message(number) + CLOSE)
        await writer.drain()
        while await asyncio.wait_for(reader.read(65536), 20):
            pass
    finally:
        writer.close()


# The neighbour.


async def listen(port, number, seconds):
    reader, writer, _ = await call(port, number)
    arrivals = []

    async def talk():
        count = 0
        while True:
            count += 1
            writer.write(media_message(number, count))
            await asyncio.sleep(0.02)

    talking = asyncio.ensure_future(talk())
    end = time.monotonic() + seconds + 1
    try:
        while time.monotonic() < end:
            kind, payload = await asyncio.wait_for(read_frame(reader), 10)
            if kind == 1 and b'"media"' in payload:
                arrivals.append(time.monotonic())
            elif kind == 1 and b'"mark"' in payload:
                writer.write(frame(payload))
            elif kind == 8:
                raise RuntimeError(f"the neighbour's call was closed with {int.from_bytes(payload[:2], 'big')}")
    finally:
        talking.cancel()
        writer.close()
    # The first second fills the buffer of the far end, on purpose faster than real time.
    arrivals = [instant for instant in arrivals if instant > arrivals[0] + 1]
    start = min(instant - place * 0.02 for place, instant in enumerate(arrivals))
    return sorted((instant - start - place * 0.02) * 1000 for place, instant in enumerate(arrivals))


def percentile(values, share):
    return round(values[min(len(values) - 1, int(len(values) * share))], 2)


async def neighbour(port, number, seconds):
    """Listens for that many seconds; returns the lateness of the frames."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, os.path.abspath(__file__), f"{port},{number},{seconds}",
        stdout=asyncio.subprocess.PIPE, limit=1 << 24,
    )
    output, _ = await process.communicate()
    if process.returncode:
        return {"frames": 0, "p50_ms": None, "p99_ms": None, "max_ms": None}
    values = json.loads(output)
    return {
        "frames": len(values), "p50_ms": percentile(values, 0.5), "p99_ms": percentile(values, 0.99),
        "max_ms": round(values[-1], 2),
    }


def is_well(calm, beside, options):
    """Compares the neighbour's frames with those without the trial: as many, and no later than the bound."""
    if not calm["frames"] or not beside["frames"]:
        return False
    if options.untimed:
        return True
    return beside["p99_ms"] <= calm["p99_ms"] + options.bound_ms and beside["frames"] >= 0.97 * calm["frames"]


# The server.


class Server:
    def __init__(self, process, port):
        self.process = process
        self.port = port

    def get(self, path, body=None, timeout=20):
        """Returns the status, headers and text of an answer. A request with a body is a POST."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read().decode()

    async def ask(self, *arguments, **options):
        """The same, without blocking this program."""
        return await asyncio.get_running_loop().run_in_executor(None, lambda: self.get(*arguments, **options))

    async def metric(self, name):
        """Returns the sum over all labels; 0 for an unknown metric."""
        _, _, body = await self.ask("/metrics")
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", body, re.M))

    async def ready(self):
        for _ in range(600):
            try:
                await self.ask("/health")
                return
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"the server exited with {self.process.returncode}")
                await asyncio.sleep(0.05)
        sys.exit("the server does not answer")

    async def until(self, name, wanted, seconds=30):
        """Waits until a metric has that value; returns False after the time limit."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if await self.metric(name) == wanted:
                return True
            await asyncio.sleep(0.1)
        return False

    async def ended_calls(self):
        """Returns the server's ended calls by the carrier's call ids."""
        calls, cursor = {}, None
        while True:
            path = "/api/calls?state=ended&limit=100" + (f"&cursor={cursor}" if cursor else "")
            page = json.loads((await self.ask(path))[2])
            calls.update({call.get("carrier_call_id") or call["call_id"]: call for call in page["calls"]})
            cursor = page.get("next_cursor")
            if not cursor:
                return calls

    def gone(self, seconds):
        """Waits until the process has exited; returns the seconds that it took, or None."""
        began = time.monotonic()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return round(time.monotonic() - began, 2)


@contextlib.asynccontextmanager
async def server(model_port, settings=(), before=(), stderr=subprocess.DEVNULL):
    """Runs a server beside that model until the block ends. `before` is a command that starts the server."""
    port = free_port()
    environment = {
        "PATH": os.environ.get("PATH", ""), "OPENAI_API_KEY": "any", "TALKPATH_LOG_LEVEL": "critical",
        "OPENAI_REALTIME_URL": f"ws://127.0.0.1:{model_port}/v1/realtime", "TALKPATH_DATA_FOLDER": ":memory:",
        **dict(settings),
    }
    process = subprocess.Popen(
        [*before, program(), "serve", "--dev", "--port", str(port)], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
    )
    it = Server(process, port)
    try:
        await it.ready()
        yield it
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def show(figures, good=None):
    print(json.dumps(figures if good is None else dict(figures, good=good)), flush=True)


if __name__ == "__main__":
    port, number, seconds = sys.argv[1].split(",")
    print(json.dumps(asyncio.run(listen(int(port), int(number), float(seconds)))))
