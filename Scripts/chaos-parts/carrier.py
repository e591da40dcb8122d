"""The carrier and the receiver of events of Scripts/chaos.

The carrier is a stubborn one: a call goes on until its caller hangs up or an order comes to hang it up, also if its media
socket is lost. So the orders can be counted, and a call that no node ends stays up and is seen.
"""
import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
import urllib.parse
import xml.etree.ElementTree as XML

import abuse
from wire import HTTPServer, ask, form, read_form

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "0123456789abcdef0123456789abcdef"
OURS, THEIRS = "+15550100100", "+15550100199"


def signature(url, fields=()):
    text = url + "".join(name + value for name, value in sorted(dict(fields).items()))
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Call:
    """A call as the carrier knows it."""

    def __init__(self, sid, direction, instructions, callback=None, other=THEIRS):
        self.sid, self.direction, self.instructions, self.callback = sid, direction, instructions, callback
        self.stream, self.other, self.created = "MZ" + sid[2:], other, time.time()
        self.status, self.sequence = "queued", 0
        # Orders to hang it up, those for a call that is over included.
        self.orders = 0
        self.over = asyncio.Event()
        self.ended_at = None
        # The media socket: frames from the server, and how it ended if the server or the way ended it.
        self.writer, self.frames, self.sent, self.lost = None, 0, 0, None
        # Whether the instructions were refused or could not be had.
        self.refused = None
        self.call_id = urllib.parse.parse_qs(urllib.parse.urlsplit(instructions).query).get("call_id", [None])[0]


class Carrier(HTTPServer):
    """Places calls, answers them, plays their media, and counts what it is told."""

    def __init__(self):
        self.calls, self.tasks = {}, set()
        self.rings_on = False
        # Gives a call's media socket a way of its own: the port to connect to.
        self.way = lambda call, port: port
        self.failed_callbacks = 0

    async def open(self):
        await super().open()
        self._begin(self._talk())
        return self

    async def close(self):
        await super().close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _begin(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def up(self):
        return [call for call in self.calls.values() if not call.over.is_set()]

    def of(self, call_ids):
        wanted = set(call_ids)
        return [call for call in self.calls.values() if call.call_id in wanted]

    # REST.

    async def answer(self, method, target, fields, body):
        parts = urllib.parse.urlsplit(target).path.strip("/").split("/")
        if parts[:2] != ["2010-04-01", "Accounts"]:
            return 404, {"code": 20404, "message": "not found", "status": 404}
        name = parts[4].removesuffix(".json") if len(parts) > 4 else None
        if method == "POST" and name is None:
            return self._create(read_form(body))
        if method == "GET" and name is None:
            wanted = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
            found = [self._resource(call) for call in self.calls.values()]
            for name in ("To", "From"):
                found = [call for call in found if wanted.get(name) in (None, call[name.lower()])]
            return 200, {"calls": found[-50:]}
        call = self.calls.get(name)
        if call is None:
            return 404, {"code": 20404, "message": "not found", "status": 404}
        if method == "POST" and read_form(body).get("Status") in ("completed", "canceled"):
            call.orders += 1
            if call.over.is_set():
                return 400, {"code": 21220, "message": "Call is not in-progress.", "status": 400}
            self._end(call, "completed" if call.status == "in-progress" else "canceled")
        return 200, self._resource(call)

    def _create(self, fields):
        call = Call("CA" + os.urandom(16).hex(), "outbound-api", fields["Url"], fields.get("StatusCallback"), fields["To"])
        self.calls[call.sid] = call
        self._begin(self._live(call))
        return 201, self._resource(call)

    @staticmethod
    def _resource(call):
        return {
            "sid": call.sid, "account_sid": ACCOUNT, "from": OURS if call.direction != "inbound" else call.other,
            "to": OURS if call.direction == "inbound" else call.other, "status": call.status, "queue_time": "0",
            "direction": call.direction,
            "date_created": time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(call.created)),
        }

    # Lives.

    def dial_in(self, port):
        """A caller dials the number of the server behind that port."""
        call = Call("CA" + os.urandom(16).hex(), "inbound", f"http://127.0.0.1:{port}/twilio/voice")
        self.calls[call.sid] = call
        self._begin(self._live(call))
        return call

    def hang_up(self, call):
        """The caller hangs up."""
        if not call.over.is_set():
            self._end(call, "completed")

    def _end(self, call, status):
        call.status, call.ended_at = status, time.monotonic()
        call.over.set()
        if call.writer:
            stop = {"event": "stop", "streamSid": call.stream, "stop": {"accountSid": ACCOUNT, "callSid": call.sid}}
            call.writer.write(abuse.text(stop) + abuse.CLOSE)
        self._begin(self._tell(call, status))

    def _fields(self, call, status):
        ours, theirs = ("To", "From") if call.direction == "inbound" else ("From", "To")
        return {
            "AccountSid": ACCOUNT, "CallSid": call.sid, ours: OURS, theirs: call.other, "CallStatus": status,
            "Direction": call.direction,
        }

    async def _post(self, url, fields):
        parts = urllib.parse.urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = [("X-Twilio-Signature", signature(url, fields))]
        return await ask(parts.port, "POST", path, form(fields), headers)

    async def _tell(self, call, status):
        if not call.callback:
            return
        fields = dict(self._fields(call, status), SequenceNumber=str(call.sequence), CallbackSource="call-progress-events")
        call.sequence += 1
        try:
            answer = await self._post(call.callback, fields)
            if answer.status >= 300:
                self.failed_callbacks += 1
        except OSError:
            self.failed_callbacks += 1

    async def _live(self, call):
        call.status = "ringing"
        await self._tell(call, "ringing")
        if self.rings_on:
            await call.over.wait()
        if call.over.is_set():
            return
        if call.direction != "inbound":
            call.status = "in-progress"
            await self._tell(call, "in-progress")
        try:
            answer = await self._post(call.instructions, self._fields(call, call.status))
        except OSError as error:
            return self._refuse(call, str(error))
        if answer.status != 200:
            return self._refuse(call, f"status {answer.status}")
        stream = XML.fromstring(answer.body).find("./Connect/Stream")
        if stream is None:
            return self._refuse(call, answer.body.decode()[:80])
        call.status = "in-progress"
        await self._stream(call, stream)

    def _refuse(self, call, reason):
        if not call.over.is_set():
            call.refused = reason
            self._end(call, "failed")

    async def _stream(self, call, stream):
        url = stream.get("url")
        parameters = {part.get("name"): part.get("value") for part in stream.iter("Parameter")}
        call.call_id = parameters.get("call_id", call.call_id)
        parts = urllib.parse.urlsplit(url)
        upgrade = (
            f"GET {parts.path} HTTP/1.1\r\nHost: 127.0.0.1:{parts.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
            f"X-Twilio-Signature: {signature(url)}\r\n\r\n"
        )
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.way(call, parts.port), limit=1 << 22)
            writer.write(upgrade.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 101 " not in answer:
                call.lost = answer.split(b"\r\n", 1)[0].decode()
                return
            if call.over.is_set():
                return
            start = {
                "accountSid": ACCOUNT, "callSid": call.sid, "streamSid": call.stream, "tracks": ["inbound"],
                "customParameters": parameters,
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            }
            writer.write(abuse.text({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
            writer.write(abuse.text({"event": "start", "sequenceNumber": "1", "streamSid": call.stream, "start": start}))
            call.writer = writer
            while True:
                kind, payload = await abuse.read_frame(reader)
                if kind == 1 and b'"media"' in payload:
                    call.frames += 1
                elif kind == 1 and b'"mark"' in payload:
                    writer.write(abuse.frame(payload))
                elif kind == 9:
                    writer.write(abuse.frame(payload, first=0x8A))
                elif kind == 8:
                    if not call.over.is_set():
                        call.lost = f"closed with {int.from_bytes(payload[:2], 'big')}"
                        writer.write(abuse.frame(payload, first=0x88))
                    return
        except (OSError, asyncio.IncompleteReadError) as error:
            if not call.over.is_set():
                call.lost = f"broken ({type(error).__name__})"
        finally:
            call.writer = None
            if writer:
                writer.close()

    async def _talk(self):
        """Sends every caller's silence, a frame each 20 ms."""
        count, began = 0, time.monotonic()
        while True:
            count += 1
            for call in list(self.calls.values()):
                if call.writer and not call.over.is_set():
                    call.sent += 1
                    media = {"track": "inbound", "chunk": str(call.sent), "timestamp": str(call.sent * 20)}
                    media["payload"] = abuse.SILENCE
                    message = {"event": "media", "sequenceNumber": str(call.sent + 1), "streamSid": call.stream}
                    call.writer.write(abuse.text(dict(message, media=media)))
            await asyncio.sleep(max(0, began + count * 0.02 - time.monotonic()))


class Receiver(HTTPServer):
    """Receives the events of all calls. An event that comes twice under its name is one event."""

    def __init__(self):
        self.ends, self.again = {}, 0

    async def answer(self, method, target, fields, body):
        event = json.loads(body)
        if event.get("type") == "call.ended":
            names = self.ends.setdefault(event["data"]["call_id"], {})
            self.again += fields["webhook-id"] in names
            names[fields["webhook-id"]] = event["data"]
        return 204, None
