"""Taps the connection of two peers on loopback, and reads it as HTTP and as WebSocket messages."""

import asyncio
import dataclasses
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Scripts/lib"))
from ports import free_port  # noqa: E402, F401: the judges take it from here


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: dict
    body: bytes


class Connection:
    """The bytes of one TCP connection, in both directions."""

    def __init__(self):
        self.sent = bytearray()
        self.answered = bytearray()

    def requests(self):
        """The client's requests up to an upgrade."""
        return list(_requests(bytes(self.sent)))

    def bodies(self):
        """The bodies of the server's answers, with their content types."""
        return [(headers.get("content-type", ""), body) for _, headers, body, _ in _messages(bytes(self.answered))]

    @property
    def is_websocket(self):
        return b"\r\nsec-websocket-key:" in bytes(self.sent).split(b"\r\n\r\n", 1)[0].lower()

    def client_messages(self):
        return list(_frames(bytes(self.sent).split(b"\r\n\r\n", 1)[-1])) if self.is_websocket else []

    def server_messages(self):
        return list(_frames(bytes(self.answered).split(b"\r\n\r\n", 1)[-1])) if self.is_websocket else []


class Tap:
    """Listens on its own port, forwards every connection to the target, and keeps the bytes."""

    def __init__(self, target, ssl=None):
        self.target = target
        self.ssl = ssl
        self.connections = []
        self.port = None

    async def start(self):
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0, ssl=self.ssl)
        self.port = server.sockets[0].getsockname()[1]
        return self

    async def _connect(self, reader, writer):
        connection = Connection()
        self.connections.append(connection)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            _pass(reader, there_writer, connection.sent), _pass(there_reader, writer, connection.answered)
        )


async def _pass(reader, writer, kept):
    try:
        while data := await reader.read(1 << 16):
            kept += data
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def _messages(data):
    """Yields the start line, headers, body and remaining data of each complete HTTP message."""
    while b"\r\n\r\n" in data:
        head, data = data.split(b"\r\n\r\n", 1)
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while True:
                size, _, data = data.partition(b"\r\n")
                length = int(size.split(b";")[0] or b"0", 16)
                body, data = body + data[:length], data[length + 2:]
                if length == 0:
                    break
        else:
            length = int(headers.get("content-length", 0))
            if len(data) < length:
                return
            body, data = data[:length], data[length:]
        yield start, headers, body, data
        if "upgrade" in headers:
            return


def _requests(data):
    for start, headers, body, _ in _messages(data):
        method, target, _ = start.split(" ", 2)
        yield Request(method, target, headers, body)


def _frames(data):
    """Yields (opcode, payload) of complete messages, without control frames."""
    opcode, message = None, b""
    while len(data) >= 2:
        final, code = data[0] & 0x80, data[0] & 0x0F
        masked, length, at = data[1] & 0x80, data[1] & 0x7F, 2
        if data[0] & 0x70:
            raise ValueError("a WebSocket frame with reserved bits")
        if length == 126:
            length, at = int.from_bytes(data[2:4]), 4
        elif length == 127:
            length, at = int.from_bytes(data[2:10]), 10
        mask = data[at:at + 4] if masked else b""
        at += len(mask)
        if len(data) < at + length:
            return
        payload, data = data[at:at + length], data[at + length:]
        if masked:
            stream = (mask * (length // 4 + 1))[:length]
            payload = (int.from_bytes(payload) ^ int.from_bytes(stream)).to_bytes(length) if length else b""
        if code >= 8:
            continue
        opcode, message = (code, payload) if code else (opcode, message + payload)
        if final:
            yield opcode, message


def events(messages):
    """Parses each message as JSON, in text frames and binary frames alike."""
    return [json.loads(payload) for _, payload in messages]
