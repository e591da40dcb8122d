"""Servers and fakes of one run of the judges, and the list of their verdicts."""

import asyncio
import base64
import contextlib
import json
import os
import pathlib
import tempfile
import urllib.error
import urllib.request

from wire import Tap, free_port

HERE = pathlib.Path(__file__).parent
ACCOUNT = "AC" + "0" * 32
TOKEN = "conformance-auth-token"
API_KEY, API_SECRET = "SK" + "0" * 32, "conformance-api-secret"
KEY = "conformance-key-0123456789"
# Development mode accepts no other host. The fake keeps the address as it is, and connects to this machine.
ORIGIN = "https://localhost"
NUMBER = "+14155550100"
SECRET = "whsec_" + base64.b64encode(b"a secret of the conformance run.").decode()


class Verdicts:
    """Prints each verdict at once, and counts those that passed and failed."""

    def __init__(self):
        self.good = 0
        self.bad = 0

    def check(self, name, condition, shown=""):
        if condition:
            self.good += 1
            print(f"ok    {name}", flush=True)
        else:
            self.bad += 1
            print(f"FAIL  {name}\n      {str(shown)[:1500]}", flush=True)
        return bool(condition)

    def check_all(self, name, items, fault):
        """One verdict about many items: `fault` returns the fault of an item or None. An empty list fails, too."""
        faults = [(item, wrong) for item in items if (wrong := fault(item))]
        self.check(f"{name} ({len(items)})", items and not faults, [wrong for _, wrong in faults][:3] or "the list is empty")


verdicts = Verdicts()


class Stage:
    """Processes and taps on loopback, which end with the context."""

    def __init__(self, binary):
        self.binary = binary
        self.processes = []
        self.folder = tempfile.TemporaryDirectory()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self.folder.cleanup()

    def logs(self):
        """Returns the end of each process's log."""
        return [path.read_text(errors="replace")[-1500:] for path in pathlib.Path(self.folder.name).glob("*.log")]

    async def run(self, *arguments, port, environment=None):
        """Starts `talkpath …` and waits until it listens."""
        log = open(pathlib.Path(self.folder.name) / f"{arguments[0]}-{port}.log", "wb")
        process = await asyncio.create_subprocess_exec(
            self.binary, *arguments, stdout=log, stderr=log, env=os.environ | (environment or {})
        )
        self.processes.append(process)
        for _ in range(300):
            if process.returncode is not None:
                break
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return process
            except OSError:
                await asyncio.sleep(0.05)
        raise RuntimeError(f"{arguments} does not listen:\n{pathlib.Path(log.name).read_text()}")

    async def tap(self, target, ssl=None):
        return await Tap(target, ssl).start()

    async def fake_model(self, provider, *more):
        port = free_port()
        await self.run("simulate", provider, "--port", str(port), *more, port=port)
        return port

    async def fake_twilio(self, connect_to, *more):
        port = free_port()
        environment = {
            "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_FROM_NUMBER": NUMBER,
            "TWILIO_API_KEY": API_KEY, "TWILIO_API_SECRET": API_SECRET,
        }
        await self.run(
            "simulate", "twilio", "--port", str(port), "--connect-to", f"127.0.0.1:{connect_to}", *more,
            port=port, environment=environment,
        )
        return port

    async def server(self, port, carrier, **settings):
        environment = {
            "TALKPATH_HTTP_PORT": str(port), "TALKPATH_API_KEYS": KEY, "TALKPATH_ALLOWED_DESTINATIONS": "+",
            "TALKPATH_PUBLIC_URL": ORIGIN, "TALKPATH_CALL_ORIGINS": f"{ORIGIN},https://your-ngrok-url.ngrok.io",
            "TALKPATH_LOG_LEVEL": "warning", "TALKPATH_DATA_FOLDER": ":memory:",
            "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_FROM_NUMBER": NUMBER,
            "TWILIO_API_BASE_URL": f"http://127.0.0.1:{carrier}", "OPENAI_API_KEY": "any", "GEMINI_API_KEY": "any",
        }
        return await self.run("serve", "--dev", port=port, environment=environment | settings)


def request(method, url, body=None, headers=None):
    """Returns the status and the text. For `asyncio.to_thread`."""
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    prepared = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if isinstance(body, (dict, list)):
        prepared.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(prepared, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def api(port, method, path, body=None):
    headers = {"Authorization": f"Bearer {KEY}"}
    status, text = await asyncio.to_thread(request, method, f"http://127.0.0.1:{port}{path}", body, headers)
    return status, json.loads(text) if text else None


class Receiver:
    """Keeps each POST and answers it with a JSON object; for webhooks and for functions of agents."""

    def __init__(self, answer=b"{}"):
        self.answer = answer
        self.requests = []
        self.port = None

    async def start(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:]) if k}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append((head[0], headers, body))
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                    % (len(self.answer), self.answer)
                )
                await writer.drain()
        writer.close()
