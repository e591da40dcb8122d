"""HTTP for Scripts/chaos, on loopback: requests to one port without waiting for others, and a server that answers them."""
import asyncio
import json
import time
import urllib.parse


class Answer:
    """The answer to a request, and the seconds that it took."""

    def __init__(self, status, headers, body, seconds):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    def json(self):
        """Returns the body as JSON; an empty object if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}


async def ask(port, method, path, body=None, headers=(), timeout=20):
    """Sends one request on a connection of its own. `body` is an object for JSON, or the text of a form.

    Raises OSError, also if the answer does not come in time or is cut off.
    """
    began = time.monotonic()
    try:
        return await asyncio.wait_for(_ask(port, method, path, body, headers, began), timeout)
    except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
        raise OSError(f"{method} {path}: no whole answer ({type(error).__name__})") from error


async def _ask(port, method, path, body, headers, began):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        kind = "application/x-www-form-urlencoded" if isinstance(body, str) else "application/json"
        payload = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(payload)}"]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        status, fields = await _head(reader)
        return Answer(int(status.split()[1]), fields, await _body(reader, fields), time.monotonic() - began)
    finally:
        writer.close()


async def _head(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    return head[0], fields


async def _body(reader, fields):
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    if fields.get("transfer-encoding") != "chunked":
        return await reader.read()
    parts = []
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        parts.append((await reader.readexactly(size + 2))[:size])
        if not size:
            return b"".join(parts)


class HTTPServer:
    """A server on a free port of loopback. Subclasses implement `answer(method, path, headers, body)`, which returns a
    status and an object for JSON, or None."""

    async def open(self):
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22, backlog=2048)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def close(self):
        self._listener.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                request, fields = await _head(reader)
                method, target, _ = request.split(" ", 2)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                status, value = await self.answer(method, target, fields, body)
                payload = b"" if value is None else json.dumps(value).encode()
                head = f"HTTP/1.1 {status} Told\r\nContent-Length: {len(payload)}\r\n"
                if value is not None:
                    head += "Content-Type: application/json\r\n"
                if status == 204:
                    head = "HTTP/1.1 204 Told\r\n"
                writer.write(head.encode() + b"\r\n" + payload)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


def form(fields):
    return urllib.parse.urlencode(fields)


def read_form(body):
    return dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
