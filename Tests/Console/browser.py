"""Headless Chromium over the DevTools protocol: pages, their logs, their requests, and pictures of them."""

import asyncio
import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import tempfile
import urllib.request

import websockets


def find() -> str | None:
    """Returns the browser's command, or None without a browser."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if name and (path := shutil.which(name))), None)


class Browser:
    """One browser with its own profile, which is deleted with it."""

    def __init__(self, command: str, microphone: str):
        """`microphone`: a sound file that plays once, from the moment a page opens the microphone."""
        self.command = command
        self.microphone = microphone
        self.folder = tempfile.mkdtemp(prefix="talkpath-browser-")
        self.process = None

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            self.command, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "--no-first-run", "--mute-audio",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={self.microphone}%noloop",
            "--autoplay-policy=no-user-gesture-required", "--no-proxy-server", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )
        place = pathlib.Path(self.folder, "DevToolsActivePort")
        for _ in range(1200):
            if place.exists() and (lines := place.read_text().split()):
                self.port = int(lines[0])
                return self
            if self.process.returncode is not None:
                break
            await asyncio.sleep(0.05)
        raise RuntimeError("the browser did not start")

    async def __aexit__(self, *_):
        if self.process and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            await self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def page(self, width=1280, height=900, dark=False) -> "Page":
        def ask(path, method="GET"):
            request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            return json.load(opener.open(request, timeout=60))

        target = await asyncio.to_thread(ask, "/json/new?about:blank", "PUT")
        page = Page(await websockets.connect(target["webSocketDebuggerUrl"], max_size=1 << 26, proxy=None))
        for domain in ["Page", "Runtime", "Log", "Network"]:
            await page.send(f"{domain}.enable")
        await page.shape(width, height, dark)
        return page


class Page:
    def __init__(self, socket):
        self.socket = socket
        self.last = 0
        self.waiting: dict[int, asyncio.Future] = {}
        #: Errors and warnings that the page or the browser logged.
        self.complaints: list[str] = []
        #: Requested addresses, and the number of bytes received for each.
        self.requests: dict[str, str] = {}
        self.weights: dict[str, int] = {}
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        with contextlib.suppress(websockets.ConnectionClosed):
            await self.take()

    async def take(self):
        async for text in self.socket:
            message = json.loads(text)
            if (number := message.get("id")) is not None:
                if (future := self.waiting.pop(number, None)) and not future.done():
                    future.set_result(message)
                continue
            method, facts = message.get("method"), message.get("params", {})
            if method == "Runtime.exceptionThrown":
                details = facts["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            elif method == "Runtime.consoleAPICalled" and facts["type"] in ("error", "warning", "assert"):
                self.complaints.append(" ".join(str(a.get("value", a.get("description"))) for a in facts["args"]))
            elif method == "Log.entryAdded" and facts["entry"]["level"] in ("error", "warning"):
                self.complaints.append(f"{facts['entry']['text']} {facts['entry'].get('url', '')}")
            elif method == "Network.requestWillBeSent":
                self.requests[facts["requestId"]] = facts["request"]["url"]
            elif method == "Network.loadingFinished":
                self.weights[facts["requestId"]] = int(facts["encodedDataLength"])

    async def send(self, method, **parameters):
        self.last += 1
        future = self.waiting[self.last] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"id": self.last, "method": method, "params": parameters}))
        answer = await asyncio.wait_for(future, 60)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    async def shape(self, width, height, dark=False):
        await self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        await self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    async def open(self, url):
        await self.send("Page.navigate", url=url)

    async def run(self, script):
        """Evaluates an expression, awaits it, and returns its value."""
        answer = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", script))
        return answer["result"].get("value")

    async def until(self, script, seconds=30, what=None):
        """Waits until an expression is true in the page, and returns its value."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            try:
                if value := await self.run(script):
                    return value
            except RuntimeError:
                pass  # The page is navigating to another address.
            if loop.time() > deadline:
                text = await self.run("document.body.innerText.slice(0, 1500)")
                raise AssertionError(f"{what or script} did not appear within {seconds} s; the page says:\n{text}")
            await asyncio.sleep(0.05)

    async def text(self, words, seconds=30):
        return await self.until(f"document.body.innerText.includes({json.dumps(words)})", seconds, f"'{words}'")

    async def click(self, selector, words=None):
        """Clicks in the middle of an element, as a person would; the element must be visible and enabled."""
        # The browser does not draw a page in the background, and some of its events wait for that.
        await self.send("Page.bringToFront")
        place = await self.until(
            f"""(() => {{ const e = [...document.querySelectorAll({json.dumps(selector)})]
                .find(e => ({json.dumps(words)} === null || e.textContent.trim() === {json.dumps(words)}) && !e.disabled && e.getClientRects().length);
                if (!e) return null; e.scrollIntoView({{ block: "nearest" }}); const b = e.getBoundingClientRect();
                return [b.x + b.width / 2, b.y + b.height / 2]; }})()""",
            what=f"an element to click: {selector} {words or ''}",
        )
        for kind in ["mousePressed", "mouseReleased"]:
            await self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    async def type(self, words):
        await self.send("Input.insertText", text=words)

    async def key(self, name):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        for kind in ["keyDown", "keyUp"]:
            text = {"text": "\r"} if name == "Enter" and kind == "keyDown" else {}
            await self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=codes[name], **text)

    async def picture(self, path, whole=False):
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        pathlib.Path(path).write_bytes(base64.b64decode(answer["data"]))

    async def close(self):
        await self.send("Page.close")
        await self.socket.close()
