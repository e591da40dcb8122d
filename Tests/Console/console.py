"""The console in a real browser: sign-in, a live call from its ringing to its receipt, the button that ends it.

    python Tests/Console/console.py BINARY [FOLDER FOR PICTURES]
"""

import asyncio
import contextlib
import importlib.resources
import json
import os
import pathlib
import sys
import urllib.parse
import wave

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "Conformance"))

from browser import Browser, find  # noqa: E402
from stage import KEY, Stage, api, verdicts  # noqa: E402
from wire import free_port  # noqa: E402

OTHER_KEY = "console-key-of-another-tenant"
NUMBER = "+14155550123"
HEAVIEST = 200_000
AXE = (importlib.resources.files("axe_core_python") / "axe.min.js").read_text()


class Relay:
    """Relays between the browser and the server, and can cut every connection."""

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.writers = set()
        self.is_open = True

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        return self

    async def serve(self, reader, writer):
        if not self.is_open:
            writer.transport.abort()
            return
        try:
            there, to = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, to}
        await asyncio.gather(self.pass_on(reader, to), self.pass_on(there, writer))
        self.writers -= {writer, to}

    async def pass_on(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    def cut(self):
        self.is_open = False
        for writer in list(self.writers):
            writer.transport.abort()


class Watch:
    """The pages of one run, and the faults of all of them."""

    def __init__(self, browser, origin, pictures):
        self.browser = browser
        self.origin = origin
        self.pictures = pictures
        self.pages = []
        #: Browser messages about answers that the test provokes.
        self.expected = []

    async def page(self, *shape):
        page = await self.browser.page(*shape)
        self.pages.append(page)
        return page

    async def picture(self, page, name):
        if self.pictures:
            await page.picture(self.pictures / f"{name}.png")

    async def sign_in(self, page, key):
        await page.until("!!document.querySelector('input[type=password]')", what="the page that asks for a key")
        await page.run("document.querySelector('input[type=password]').focus()")
        await page.type(key)
        await page.key("Enter")

    def complaints(self):
        found = [c for page in self.pages for c in page.complaints]
        return [c for c in found if not any(part in c for part in self.expected)]

    def strangers(self):
        addresses = {a for page in self.pages for a in page.requests.values()}
        own = (self.origin, "blob:" + self.origin, "data:", "about:")
        return sorted(a for a in addresses if not a.startswith(own))


async def signing_in(watch):
    page = await watch.page()
    await page.open(watch.origin + "/console")
    await watch.sign_in(page, "no key of this server's")
    await page.text("The server does not know this key.")
    watch.expected.append("status of 401")
    verdicts.check("a wrong key is refused, and the page says so", True)
    await page.run("document.querySelector('input[type=password]').value = ''")
    await watch.sign_in(page, KEY)
    await page.text("No live calls")
    verdicts.check("a right key opens the console", True)
    cookie = await page.run("document.cookie")
    verdicts.check("scripts cannot read the session's cookie", cookie == "", cookie)
    weight = sum(page.weights.values())
    verdicts.check(f"the page weighs at most {HEAVIEST} bytes", 20_000 < weight <= HEAVIEST, weight)
    painted = await page.run("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    print(f"      page weight {weight} bytes, first paint after {painted and round(painted)} ms")
    return page


async def a_live_call(watch, relay):
    listing = await watch.page()
    await listing.open(watch.origin + "/console#/calls")
    await listing.text("No live calls")
    page = watch.pages[0]
    await page.click("button", "Place a call")
    await page.until("document.activeElement?.name === 'to'", what="the dialog's first field")
    await page.type(NUMBER)
    await page.key("Enter")
    await page.until("location.hash.startsWith('#/calls/')", what="the page of the call")
    call = urllib.parse.unquote((await page.run("location.hash")).removeprefix("#/calls/"))
    await page.text("The call is answered", 60)
    await page.text("In progress")
    await page.run("""(() => { window.texts = new Set(); const see = () => { for (const e of document.querySelectorAll(".turn.agent p:first-of-type")) texts.add(e.textContent); };
        new MutationObserver(see).observe(document.querySelector(".turns"), { childList: true, subtree: true, characterData: true }); see(); })()""")
    await page.text("Hello, Harbour Street clinic. How can I help you?", 60)
    texts = await page.run("[...texts]")
    verdicts.check("the page of a live call shows the agent's words before the turn ends", any(t.startswith("Hello") and not t.endswith("you?") for t in texts), texts)
    await listing.until(f"document.querySelector('.rows.live')?.innerText.includes('{NUMBER}')", what="the call in the list")
    await listing.until("/(Caller|Agent) speaks/.test(document.querySelector('.rows.live').innerText)", 60, "who speaks")
    verdicts.check("the list shows the new call and the speaker without a reload", True)
    await watch.picture(listing, "calls-live")

    # The connection is lost. Words spoken meanwhile must be on the page after the reconnect.
    relay.cut()
    await page.text("The connection to the server is lost")
    await watch.picture(page, "call-lost")
    watch.expected += ["ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_SOCKET"]
    for _ in range(600):
        _, facts = await api(relay.target, "GET", f"/api/calls/{call}")
        if any("pharmacy" in t["text"] for t in facts["transcript"] if t["role"] == "user"):
            break
        await asyncio.sleep(0.1)
    seen = await page.run("document.querySelector('.turns').innerText")
    relay.is_open = True
    await page.text("I meant the pharmacy", 60)
    await page.until("!document.querySelector('#banner').innerText", what="the end of the banner")
    verdicts.check("the page reports a lost connection, reconnects, and shows the words spoken meanwhile", "pharmacy" not in seen, seen)
    await page.text("The caller interrupts", 60)
    await page.text("of this", 60)
    verdicts.check("an interrupted answer shows how much of it the caller heard", True)

    await page.click("button", "Listen")
    await page.text("A listener joins")
    pressed = "[...document.querySelectorAll('button[aria-pressed=true]')].some(b => b.textContent.includes('Listening'))"
    await page.until(pressed, what="the pressed button")
    await asyncio.sleep(1)
    await page.click("button", "Listening")
    await page.until(f"!({pressed})", what="the released button")
    verdicts.check("the call's page shows that a listener joins", True)
    await page.click("button", "Mute caller")
    await page.until("[...document.querySelectorAll('button[aria-pressed=true]')].some(b => b.textContent.includes('Unmute caller'))", what="the muted caller")
    _, seen = await api(relay.target, "GET", f"/api/calls/{call}/activity")
    verdicts.check("a button mutes the caller", seen["now"]["muted"] == ["caller"], seen["now"])
    await page.click("button", "Unmute caller")
    await page.click("button", "Keys")
    await page.click("dialog .pad-keys button", "5")
    await page.click("dialog button[type=submit]", "Send")
    await page.until("!document.querySelector('dialog')", what="the keys' end")
    verdicts.check("the keypad sends a key", True)
    await page.run("document.querySelector('.compose select').value = 'tell'; document.querySelector('.compose textarea').focus()")
    await page.type("The caller is a pharmacist.")
    await page.key("Enter")
    await page.text("The agent has the message")
    verdicts.check("a message reaches the agent", True)
    await page.until("document.querySelectorAll('.turn').length >= 3 && !!document.querySelector('.wait')", 60, "turns with their latency")
    await watch.picture(page, "call-live")

    await page.click("button", "End now")
    await page.text("The carrier confirms that the call is over", 30)
    await page.text("Save record")
    await page.text("Completed")
    verdicts.check("the button ends the call, and its page shows the receipt", True)
    _, facts = await api(relay.target, "GET", f"/api/calls/{call}")
    verdicts.check("the receipt has the reason of the console", facts["receipt"]["reason"] == "ended in the console", facts["receipt"])
    await listing.until(f"document.querySelector('.rows.ended').innerText.includes('{NUMBER}')", what="the call among the ended ones")
    verdicts.check("the list moves the call to the ended calls without a reload", not await listing.run(f"document.querySelector('.rows.live').innerText.includes('{NUMBER}')"))

    await page.until("!!document.querySelector('.player:not([hidden])')", 60, "the recording")
    await page.run("document.querySelector('.turn.agent button.at').click()")
    await page.until("Number(document.querySelector('.player input').value) > 600", 20, "the recording playing")
    await page.click(".player button")
    verdicts.check("the recording plays from a chosen turn", True)
    await page.run("scrollTo(0, 0); document.querySelector('#toasts').replaceChildren()")
    await watch.picture(page, "call-ended")
    return call


async def an_end_that_nobody_saw(watch, relay):
    """Cuts the connection and ends the call meanwhile."""
    page = watch.pages[0]
    _, placed = await api(relay.target, "POST", "/api/calls", {"to": NUMBER})
    call = placed["call_id"]
    await page.open(watch.origin + f"/console#/calls/{call}")
    await page.text("Hello, Harbour Street clinic", 60)
    relay.cut()
    await page.text("The connection to the server is lost")
    await api(relay.target, "POST", f"/api/calls/{call}/end", {"reason": "ended unseen"})
    relay.is_open = True
    await page.text("ended unseen", 60)
    await page.text("The call is answered", 60)
    remarks = await page.run("[...document.querySelectorAll('.remark, .turn')].map(e => e.innerText)")
    verdicts.check(
        "a call that ends during a lost connection is shown as ended, without double entries",
        len(remarks) == len(set(remarks)) and sum("is answered" in r for r in remarks) == 1, remarks,
    )


def microphone(folder):
    """A caller who listens for six seconds, asks a question, and interrupts the long answer."""
    audio = HERE.parents[1] / "fixtures/audio"
    path = folder / "microphone.wav"
    with wave.open(str(path), "wb") as out:
        for name, pause in [("caller-1-question.wav", 6), ("caller-2-interruption.wav", 5), (None, 30)]:
            with wave.open(str(audio / "caller-1-question.wav")) as shape:
                if not out.getnframes():
                    out.setparams(shape.getparams()._replace(nframes=0))
                width = shape.getframerate() * shape.getsampwidth()
            out.writeframes(bytes(width * pause))
            if name:
                with wave.open(str(audio / name)) as words:
                    out.writeframes(words.readframes(words.getnframes()))
    return str(path)


#: The loudest tenth of a second of the caller and of the agent in a call's recording; null until the recording exists.
LOUDEST = """fetch('/api/calls/' + %s + '/recording').then(async r => {
    if (!r.ok) return null;
    const sound = await new OfflineAudioContext(2, 8000, 8000).decodeAudioData(await r.arrayBuffer());
    return [0, 1].map(side => {
        const samples = sound.getChannelData(side);
        let loudest = 0;
        for (let i = 0; i + 800 <= samples.length; i += 800)
            loudest = Math.max(loudest, Math.sqrt(samples.subarray(i, i + 800).reduce((sum, s) => sum + s * s, 0) / 800));
        return loudest;
    });
})"""


async def talking(watch, relay):
    """Talks through the page: the microphone asks a question, hears the answer, and interrupts it."""
    page = await watch.page(1280, 900)
    await page.open(watch.origin + "/console#/talk")
    await page.until("!!document.querySelector('form.talk')")
    await page.run("window.given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices); navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); }; 0")
    await page.click("button", "Start talking")
    await page.text("does not let this page use the microphone")
    _, calls = await api(relay.target, "GET", "/api/calls")
    verdicts.check("without the microphone the page says so and begins no call", calls["count"] == 0, calls)
    await watch.picture(page, "talk-refused")
    await page.run("navigator.mediaDevices.getUserMedia = window.given; 0")
    # Counts the seconds of audio that the page plays.
    await page.run("""(() => { window.played = 0; const start = AudioBufferSourceNode.prototype.start;
        AudioBufferSourceNode.prototype.start = function (...a) { window.played += this.buffer.duration; return start.apply(this, a); }; })()""")
    await page.click("button", "Start talking")
    await page.until("location.hash.startsWith('#/calls/')", what="the page of the call")
    call = urllib.parse.unquote((await page.run("location.hash")).removeprefix("#/calls/"))
    await page.text("Hello, Harbour Street clinic. How can I help you?", 60)
    await page.until("document.querySelector('.dock meter').value > 0.05", 60, "the caller's voice on the page's meter")
    await page.text("The caller interrupts", 90)
    await watch.picture(page, "talk")
    verdicts.check("the agent hears the microphone, and speech interrupts it", True)
    played = await page.run("window.played")
    verdicts.check("the page plays the agent's audio", played > 2, played)
    _, facts = await api(relay.target, "GET", f"/api/calls/{call}")
    cut = [t["heard_ms"] for t in facts["transcript"] if t.get("heard_ms") is not None]
    verdicts.check("the page's marks report how much the caller heard", len(cut) == 1 and 500 < cut[0] < 15_000, facts["transcript"])
    await page.click(".dock button", "Hang up")
    await page.until("!document.querySelector('.dock')", what="the end of the telephone's bar")
    await page.text("Caller hangup", 30)
    watch.expected.append("/recording")
    _, facts = await api(relay.target, "GET", f"/api/calls/{call}")
    verdicts.check("the button hangs up the call as the caller", facts["ended_reason"] == "caller_hangup", facts["ended_reason"])
    caller, agent = await page.until(LOUDEST % json.dumps(call), 60, "the recording")
    verdicts.check("the recording has both voices", caller > 0.02 and agent > 0.02, (caller, agent))
    return page


async def other_pages(watch, relay, call):
    page = await watch.page(1280, 900)
    await page.open(watch.origin + "/console#/agents/new")
    await page.until("!!document.querySelector('textarea.code')")
    await page.run("document.querySelector('textarea.code').value = '{'")
    await page.click("button[type=submit]", "Make the agent")
    await page.text("This is not JSON")
    await page.run("""document.querySelector('textarea.code').value = JSON.stringify({ nmae: 1 })""")
    await page.click("button[type=submit]", "Make the agent")
    await page.text("Unknown field 'nmae'")
    watch.expected.append("status of 422")
    await page.run("""document.querySelector('textarea.code').value = JSON.stringify({ name: "Night desk", provider: "openai", instructions: "Be brief.", tools: [{ name: "stock", description: "What is there", parameters: { type: "object" } }] })""")
    await page.click("button[type=submit]", "Make the agent")
    await page.until("location.hash.startsWith('#/agents/') && location.hash !== '#/agents/new'", what="the new agent's page")
    await page.open(watch.origin + "/console#/agents")
    await page.text("Night desk")
    await watch.picture(page, "agents")
    _, agents = await api(relay.target, "GET", "/api/agents")
    verdicts.check("an agent is created after its faults are reported", [a["name"] for a in agents["agents"]] == ["Night desk"], agents)
    await page.click("a", "Night desk")
    await page.click("button", "Delete")
    await page.click("dialog button[type=submit]", "Delete")
    await page.until("location.hash === '#/agents'")
    verdicts.check("an agent is deleted", (await api(relay.target, "GET", "/api/agents"))[1]["count"] == 0)

    await page.open(watch.origin + "/console#/webhooks")
    await page.text("No failed deliveries")
    await page.click("button", "New webhook")
    await page.until("document.activeElement?.name === 'url'")
    await page.type(f"http://127.0.0.1:{relay.target}/health")
    await page.key("Enter")
    await page.text("The secret is shown this once")
    await page.click("dialog button", "I have it")
    await page.until("!document.querySelector('dialog')")
    await page.text("Nothing sent yet")
    verdicts.check("a webhook is created, and its secret is shown once", True)
    await watch.picture(page, "webhooks")

    await page.open(watch.origin + "/console#/server")
    await page.text("TALKPATH_API_KEYS")
    await asyncio.sleep(4.5)
    await watch.picture(page, "server")
    text = await page.run("document.body.innerText")
    verdicts.check("the server's page shows no secret", "Ready" in text and KEY not in text and OTHER_KEY not in text, text)

    await page.open(watch.origin + "/console#/calls/nobody")
    await page.text("There is no call with this id")
    watch.expected.append("status of 404")
    verdicts.check("the page of an unknown call says that there is none", True)

    # Each page at four widths, also in the dark. axe judges names, roles, order and contrast.
    wrong, barred = [], []
    for width in [1280, 768, 390, 320]:
        await page.shape(width, 844, dark=width == 768)
        for place in ["calls", f"calls/{call}", "talk", "agents", "agents/new", "webhooks", "server"]:
            await page.open(f"{watch.origin}/console#/{place}")
            await page.until("document.querySelector('main h1') && !document.querySelector('main').innerText.includes('Loading')")
            await asyncio.sleep(0.3)
            wide = await page.run("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
            if wide > width:
                wrong.append((place, width, wide))
            await page.run(AXE + "; 0")
            found = await page.run(
                "axe.run(document, { resultTypes: ['violations'] })"
                ".then(r => r.violations.map(v => [v.id, v.nodes[0].html.slice(0, 150), v.nodes[0].any[0]?.message]))"
            )
            barred += [(place.split("/")[0], width, *violation) for violation in found]
            if width == 390:
                await watch.picture(page, "narrow-" + place.split("/")[0] + ("-one" if "/" in place else ""))
    verdicts.check("no page scrolls sideways at widths from 320 px", not wrong, wrong)
    verdicts.check("axe reports no violation, in light and dark", not barred, barred)
    await page.shape(1280, 900, True)
    await page.open(f"{watch.origin}/console#/calls/{call}")
    await page.text("The carrier confirms")
    await page.until("!!document.querySelector('.player:not([hidden])')", 60)
    await watch.picture(page, "call-dark")

    # The keyboard alone must lead to a call.
    await page.open(watch.origin + "/console#/calls")
    await page.until("!!document.querySelector('.rows.ended a')")
    for _ in range(40):
        await page.key("Tab")
        if await page.run("!!document.activeElement?.closest('.rows.ended')"):
            break
    await page.key("Enter")
    await page.until("location.hash.startsWith('#/calls/')")
    verdicts.check("the keyboard alone opens a call", True)
    nameless = await page.run("""[...document.querySelectorAll('button, a[href], input, select, textarea, [role=img]')]
        .filter(e => e.getClientRects().length && !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.title)).map(e => e.outerHTML.slice(0, 120))""")
    verdicts.check("every control has a name", not nameless, nameless)


async def another_tenant(watch, call):
    page = watch.pages[0]
    await page.click("button[aria-label='Sign out']")
    await watch.sign_in(page, OTHER_KEY)
    await page.text("There is no call with this id")
    await page.open(watch.origin + "/console#/calls")
    await page.text("No call has ended yet")
    verdicts.check("another tenant sees no call of the first", True)
    # The session belongs to the browser. The other pages have the other tenant's session now, or none.
    await page.run("fetch('/console/session', { method: 'DELETE' })")
    refused = await page.run("fetch('/api/calls/end', { method: 'POST', body: '{\"all\":true}', headers: { 'Content-Type': 'application/json' } }).then(r => r.status)")
    watch.expected.append("status of 403")
    verdicts.check("a request without the session's token is refused", refused == 403, refused)


def long_conversation(folder):
    """The caller asks and interrupts, and then stays on the line until the test ends the call."""
    source = (HERE.parents[1] / "fixtures/calls/barge-in").resolve()
    manifest = json.loads((source / "manifest.json").read_text())
    for thing in [manifest, *manifest["caller"], *manifest["agent"]]:
        for name in ["audio", "background"]:
            if name in thing:
                thing[name] = os.path.relpath(source / thing[name], folder / "conversation")
    manifest["caller"][-1]["delay_ms"] = 300_000
    (folder / "conversation").mkdir()
    (folder / "conversation/manifest.json").write_text(json.dumps(manifest))
    return str(folder / "conversation")


async def main():
    binary = sys.argv[1]
    pictures = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    command = find()
    if not command:
        print("console: skipped: Chromium is not installed (apt-get install chromium, or CHROMIUM=command)")
        sys.exit(75)
    async with Stage(binary) as stage, Browser(command, microphone(pathlib.Path(stage.folder.name))) as browser:
        conversation = ["--conversation", long_conversation(pathlib.Path(stage.folder.name))]
        server = free_port()
        relay = await Relay(server).start()
        model = await stage.fake_model("openai", *conversation)
        carrier = await stage.fake_twilio(server, *conversation)
        await stage.server(
            server, carrier, TALKPATH_CONSOLE="on", OPENAI_REALTIME_URL=f"ws://127.0.0.1:{model}/v1/realtime",
            TALKPATH_API_KEYS=f"{KEY},other:{OTHER_KEY}", TALKPATH_PUBLIC_URL=f"http://127.0.0.1:{server}",
            TALKPATH_CALL_ORIGINS="", TALKPATH_AGENT_FIRST_MESSAGE="Hello", TALKPATH_CAPTURE="wire,audio",
            TALKPATH_RECORDINGS_DIR=str(pathlib.Path(stage.folder.name) / "recordings"),
        )
        watch = Watch(browser, f"http://127.0.0.1:{relay.port}", pictures)
        try:
            await signing_in(watch)
            call = await a_live_call(watch, relay)
            await talking(watch, relay)
            await an_end_that_nobody_saw(watch, relay)
            await other_pages(watch, relay, call)
            await another_tenant(watch, call)
        except (AssertionError, RuntimeError) as fault:
            for number, page in enumerate(watch.pages):
                if pictures:
                    await page.picture(pictures / f"fault-{number}.png")
            verdicts.check("the run reaches its end", False, fault)
        verdicts.check("no page logs an error or a violation of its policy", not watch.complaints(), watch.complaints())
        verdicts.check("no page requests another host", not watch.strangers(), watch.strangers())
    print(f"console: {verdicts.good} passed, {verdicts.bad} failed")
    sys.exit(1 if verdicts.bad else 0)


asyncio.run(main())
