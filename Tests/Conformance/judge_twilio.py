"""Twilio's own package judges the fake of Twilio, and the server's requests and answers to Twilio."""

import asyncio
import datetime
import inspect
import re
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

from twilio.base import values
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance, CallContext, CallList
from twilio.twiml import voice_response

from stage import ACCOUNT, API_KEY, API_SECRET, NUMBER, ORIGIN, TOKEN, api, request, verdicts
from wire import Request

check = verdicts.check
validator = RequestValidator(TOKEN)


# Signatures

def form(body):
    """The form in the validator's shape: a value, or all the values of a name that occurs more than once."""
    fields = {}
    for name, value in urllib.parse.parse_qsl(body.decode(), keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return _Form(fields)


class _Form(dict):
    def getall(self, name):
        return self[name]


async def signatures(port):
    """Signs requests to our server with Twilio's package: the server accepts right signatures and refuses wrong ones."""
    async def voice(fields, signed=None, target="/twilio/voice", origin=ORIGIN, algorithm=None):
        body = urllib.parse.urlencode(fields).encode()
        signature = validator.compute_signature(origin + target, form(urllib.parse.urlencode(signed or fields).encode()),
                                                algorithm)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        if algorithm:
            headers["X-Twilio-Webhooks-Signature-Settings"] = f"algorithm={algorithm}"
        return (await asyncio.to_thread(request, "POST", f"http://127.0.0.1:{port}{target}", body, headers))

    def call(number, **more):
        sid = "CA" + f"{number:032x}"
        fields = {"CallSid": sid, "AccountSid": ACCOUNT, "From": "+14155550111", "To": NUMBER, "CallStatus": "ringing",
                  "Direction": "inbound", "ApiVersion": "2010-04-01"}
        return list((fields | more).items())

    good = [
        ("plain", dict(fields=call(1))),
        ("umlauts, signs and an empty field", dict(fields=call(2, CallerName="Jürgen & Söhne + 北京 =?", ForwardedFrom=""))),
        ("a field that occurs three times", dict(fields=call(3) + [("Tag", "b"), ("Tag", "a"), ("Tag", "a")])),
        ("a query in the address", dict(fields=call(4), target="/twilio/voice?a=1&b=%2F%20x")),
        ("an address with the standard port", dict(fields=call(5), origin=ORIGIN + ":443")),
        ("SHA-256", dict(fields=call(10), algorithm="HMAC_SHA256")),
    ]
    answers = []
    for name, arguments in good:
        status, text = await voice(**arguments)
        answers.append(text)
        check(f"twilio: the server accepts a right signature: {name}", status == 200 and "<Connect>" in text, (status, text))
    bad = [
        ("a changed field", dict(fields=call(6, From="+14155550112"), signed=call(6))),
        ("an added field", dict(fields=call(7) + [("Extra", "1")], signed=call(7))),
        ("another host", dict(fields=call(8), origin="https://other.example.test")),
        ("plain http", dict(fields=call(9), origin=ORIGIN.replace("https", "http"))),
    ]
    for name, arguments in bad:
        status, text = await voice(**arguments)
        check(f"twilio: the server refuses a wrong signature: {name}", status == 403, (status, text))
    return answers


def webhooks(connections):
    """Validates the fake's signatures with Twilio's package."""
    requests = [one for connection in connections for one in connection.requests()]
    posts = [one for one in requests if one.method == "POST"]
    upgrades = [one for one in requests if one.method == "GET"]

    def fault(one):
        signature = one.headers.get("x-twilio-signature", "")
        scheme = "wss" if one.method == "GET" else "https"
        url = ORIGIN.replace("https", scheme) + one.target
        return None if validator.validate(url, form(one.body), signature) else f"{one.method} {one.target}"

    verdicts.check_all("twilio: the fake's webhooks have valid signatures", posts, fault)
    verdicts.check_all("twilio: the fake's media sockets have valid signatures", upgrades, fault)
    kinds = {urllib.parse.urlsplit(one.target).path for one in requests}
    wanted = {"/twilio/voice", "/twilio/status", "/twilio/stream-status", "/twilio/media-stream"}
    check("twilio: the fake has sent every kind of webhook", wanted <= kinds, wanted - kinds)


# TwiML

def rebuilt(element):
    """Builds the same document with the package's classes. An element or attribute that they do not know is an error."""
    def fill(parent, children):
        for child in children:
            name = _snake(child.tag)
            method = getattr(parent, name, None) or getattr(parent, name + "_", None)
            if method is None:
                raise ValueError(f"<{child.tag}> in <{parent.name}>")
            known = inspect.signature(method).parameters
            arguments = {_snake(key): value for key, value in child.attrib.items()}
            for key in arguments:
                if key not in known:
                    raise ValueError(f"{key} of <{child.tag}>")
            if child.text and child.text.strip():
                content = next(iter(known))
                arguments[content] = child.text
            fill(method(**arguments), child)

    if element.tag != "Response":
        raise ValueError(f"<{element.tag}> at the top")
    response = voice_response.VoiceResponse()
    fill(response, element)
    return str(response)


def _snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _canonical(text):
    return ElementTree.canonicalize(text, strip_text=True)


def _twiml_fault(text):
    try:
        same = rebuilt(ElementTree.fromstring(text))
    except Exception as error:
        return f"{error}: {text}"
    return None if _canonical(same) == _canonical(text) else f"{text} is not {same}"


def twiml(texts, name):
    verdicts.check_all(f"twilio: the TwiML {name} equals the TwiML of Twilio's builder", texts, _twiml_fault)


# REST

class _Local(TwilioHttpClient):
    """Redirects requests for the public host to the fake."""

    def __init__(self, port):
        super().__init__()
        self.port = port

    def request(self, method, url, *arguments, **named):
        local = url.replace("https://api.twilio.com", f"http://127.0.0.1:{self.port}")
        return super().request(method, local, *arguments, **named)


class _Recorded(Exception):
    pass


class _Recorder(TwilioHttpClient):
    """Sends no request, but raises it as an error."""

    def request(self, method, url, params=None, data=None, **_):
        raise _Recorded(method, url, data)


def _refusal(name, status, code, body):
    try:
        body()
        check(f"twilio: the fake refuses {name}", False, "the fake has accepted it")
    except TwilioRestException as error:
        check(f"twilio: the fake refuses {name}", (error.status, error.code) == (status, code), error)


def drive_fake(port):
    client = Client(ACCOUNT, TOKEN, http_client=_Local(port))
    calls = client.calls
    payloads = []
    original = CallInstance.__init__

    def noting(self, version, payload, *arguments, **named):
        payloads.append(payload)
        original(self, version, payload, *arguments, **named)

    CallInstance.__init__ = noting
    try:
        call = calls.create(to="+14155550123", from_=NUMBER, twiml="<Response><Pause length='30'/></Response>", timeout=20,
                            time_limit=60, status_callback_event=["initiated", "completed"])
        check("twilio: Twilio's client places a call with the fake", re.fullmatch("CA[0-9a-f]{32}", call.sid) and
              call.status in ("queued", "initiated") and call._from == NUMBER and call.date_created, vars(call))
        fetched = call.fetch()
        check("twilio: Twilio's client fetches the call", fetched.sid == call.sid and fetched.direction == "outbound-api", vars(fetched))
        ended = call.update(status="completed")
        check("twilio: Twilio's client ends the call", ended.sid == call.sid, vars(ended))
    finally:
        CallInstance.__init__ = original
    names = set(re.findall(r'payload\.get\(\s*"(\w+)"', inspect.getsource(original)))

    def fault(payload):
        # `annotation` is documented, but this version does not read it.
        unknown = payload.keys() - names - {"annotation"}
        missing = names - payload.keys() - {"stir_verstat"}
        return f"unknown {unknown}, missing {missing}" if unknown or missing else None

    verdicts.check_all("twilio: the fake's call resource has exactly the documented fields", payloads, fault)

    _refusal("a fetch of an unknown call", 404, 20404, lambda: calls("CA" + "9" * 32).fetch())
    _refusal("an end of an unknown call", 404, 20404, lambda: calls("CA" + "9" * 32).update(status="completed"))
    _refusal("a wrong number", 400, 21211, lambda: calls.create(to="nobody", from_=NUMBER, url="https://a.test/"))
    _refusal("a call without instructions", 400, 21205, lambda: calls.create(to="+14155550123", from_=NUMBER))
    _refusal("a wrong token", 401, 20003,
             lambda: Client(ACCOUNT, "wrong", http_client=_Local(port)).calls("CA" + "9" * 32).fetch())


def drive_resources(port):
    """Uses features that the server does not use, but other clients do."""
    client = Client(ACCOUNT, TOKEN, http_client=_Local(port))
    twiml = "<Response><Pause length='30'/></Response>"
    placed = [client.calls.create(to=f"+1415555020{one}", from_=NUMBER, twiml=twiml, record=True) for one in range(3)]
    for call in placed:
        for _ in range(200):
            if call.fetch().status == "in-progress":
                break
            time.sleep(0.05)
    newest_first = [call.sid for call in reversed(placed)]
    found = [one.sid for one in client.calls.list(page_size=2) if one.sid in newest_first]
    check("twilio: Twilio's client lists calls over pages", found == newest_first, found)
    found = [one.sid for one in client.calls.list(to="+14155550201", from_=NUMBER, status="in-progress")]
    check("twilio: a filter by numbers and status finds the one call", found == [placed[1].sid], found)
    day = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    check("twilio: a filter by start time finds a later call", len(client.calls.list(start_time_after=day, to="+14155550202")) == 1)
    check("twilio: a filter by start time leaves out later calls", client.calls.list(start_time_before=day) == [])
    account = client.api.accounts(ACCOUNT).fetch()
    check("twilio: Twilio's client fetches the account", account.status == "active" and account.date_created, vars(account))
    check("twilio: Twilio's client lists the account", [one.sid for one in client.api.accounts.list()] == [ACCOUNT])
    numbers = client.incoming_phone_numbers.list()
    good = [one.phone_number for one in numbers] == [NUMBER] and numbers[0].capabilities["voice"] is True
    check("twilio: Twilio's client lists the phone numbers", good, numbers)
    check("twilio: Twilio's client fetches one phone number", client.incoming_phone_numbers(numbers[0].sid).fetch().phone_number == NUMBER)
    call = placed[0]
    started = client.calls(call.sid).recordings.create(recording_channels="dual")
    check("twilio: Twilio's client records a call", started.status == "in-progress" and started.call_sid == call.sid, vars(started))
    _refusal("a deletion of a live call", 409, 20009, call.delete)
    for one in placed:
        one.update(status="completed")
    for _ in range(200):
        if all(one.fetch().status == "completed" for one in placed):
            break
        time.sleep(0.05)
    recordings = client.recordings.list(call_sid=call.sid)
    check("twilio: Twilio's client lists recordings", len(recordings) == 2 and {one.status for one in recordings} == {"completed"},
          [vars(one) for one in recordings])
    check("twilio: Twilio's client deletes a recording", client.recordings(recordings[0].sid).delete())
    check("twilio: a deleted recording is no longer listed", [one.sid for one in call.recordings.list()] == [recordings[1].sid])
    check("twilio: Twilio's client deletes a call", call.delete())
    _refusal("a fetch of a deleted call", 404, 20404, call.fetch)
    _refusal("a number that the account does not own", 400, 21210,
             lambda: client.calls.create(to="+14155550123", from_="+14155550199", twiml=twiml))
    by_key = Client(API_KEY, API_SECRET, ACCOUNT, http_client=_Local(port))
    check("twilio: an API key is accepted in place of the token", len(by_key.calls.list()) >= 2)
    wrong = Client(API_KEY, "wrong", ACCOUNT, http_client=_Local(port))
    _refusal("a wrong API key", 401, 20003, wrong.api.accounts(ACCOUNT).fetch)


def _request_fault(one):
    client = Client(ACCOUNT, TOKEN, http_client=_Recorder())
    fields = urllib.parse.parse_qsl(one.body.decode(), keep_blank_values=True, strict_parsing=bool(one.body))
    arguments = {}
    for name, value in fields:
        key = "from_" if name == "From" else _snake(name)
        if key == "status_callback_event":
            arguments.setdefault(key, []).append(value)
        else:
            arguments[key] = value
    sid = re.search(r"/Calls/(CA[0-9a-f]{32})\.json", one.target)
    method = client.calls(sid[1]).update if sid else client.calls.create
    known = inspect.signature(CallContext.update if sid else CallList.create).parameters
    unknown = arguments.keys() - known.keys()
    if unknown:
        return f"{unknown} in {one.target}"
    try:
        method(**arguments)
    except _Recorded as recorded:
        verb, url, data = recorded.args
        theirs = sorted((name, value) for name, many in data.items() if many is not values.unset
                        for value in (many if isinstance(many, list) else [many]))
        same = (verb, urllib.parse.urlsplit(url).path, theirs) == (one.method, one.target, sorted(fields))
        return None if same else f"{one.target} {sorted(fields)} is not {url} {theirs}"


def our_requests(connections):
    """Compares each of our requests with the one that the package makes for the same parameters."""
    requests = [one for connection in connections for one in connection.requests()]
    verdicts.check_all("twilio: the server's requests equal those of Twilio's client", requests, _request_fault)
    kinds = {"update" if "/Calls/" in one.target else "create" for one in requests}
    check("twilio: the server has placed a call and changed one", kinds == {"update", "create"}, kinds)
    bodies = [dict(urllib.parse.parse_qsl(one.body.decode())) for one in requests]
    return [body["Twiml"] for body in bodies if "Twiml" in body]


async def _answered(port, call):
    """Waits until the call is answered; returns its status."""
    for _ in range(200):
        _, now = await api(port, "GET", f"/api/calls/{call['call_id']}")
        if now["status"] == "in_progress":
            break
        await asyncio.sleep(0.05)
    return now["status"]


async def transfer(port):
    """Makes the server transfer a call, which takes TwiML in a request."""
    status, call = await api(port, "POST", "/api/calls", {"to": "+14155550124"})
    if not check("twilio: the call to be transferred is placed", status == 201, (status, call)):
        return
    await _answered(port, call)
    # The carrier tells of the answer before it opens the media socket, which on a busy machine takes a while.
    for _ in range(200):
        status, answer = await api(port, "POST", f"/api/calls/{call['call_id']}/transfer", {"to": "+14155550125"})
        if answer.get("code") != "not_answered":
            break
        await asyncio.sleep(0.05)
    check("twilio: the server accepts the transfer", status in (200, 202), (status, answer))


async def rejection(port, server):
    """Stops the server, which rejects incoming calls while it drains."""
    status, call = await api(port, "POST", "/api/calls", {"to": "+14155550126"})
    if not check("twilio: the call that delays the stop is placed", status == 201, (status, call)):
        return
    # A call that still rings does not delay the stop: the server would be gone before the next request.
    status = await _answered(port, call)
    check("twilio: a call is live when the server is told to stop", status == "in_progress", status)
    server.terminate()
    fields = {"CallSid": "CA" + "d" * 32, "AccountSid": ACCOUNT, "From": "+14155550111", "To": NUMBER,
              "CallStatus": "ringing", "Direction": "inbound", "ApiVersion": "2010-04-01"}
    headers = {"X-Twilio-Signature": validator.compute_signature(ORIGIN + "/twilio/voice", fields),
               "Content-Type": "application/x-www-form-urlencoded"}
    body = urllib.parse.urlencode(fields).encode()
    texts = []
    for _ in range(100):
        try:
            status, text = await asyncio.to_thread(
                request, "POST", f"http://127.0.0.1:{port}/twilio/voice", body, headers)
        except OSError as error:
            check("twilio: the server answers while it drains", False, error)
            break
        if "Reject" in text:
            texts.append(text)
            break
        await asyncio.sleep(0.05)
    twiml(texts, "that rejects a call")
    try:
        check("twilio: the server exits with status 0 after its drain", await asyncio.wait_for(server.wait(), 30) == 0, server.returncode)
    except TimeoutError:
        check("twilio: the server exits with status 0 after its drain", False, "it still runs after 30 s")


def can_fail():
    """The judge must refuse TwiML and requests that are nearly right."""
    right = '<Response><Connect><Stream url="wss://a.test/"><Parameter name="a" value="b"/></Stream></Connect></Response>'
    check("twilio: the judge accepts right TwiML", _twiml_fault(right) is None, _twiml_fault(right))
    for wrong in ("Stream url", "Parameter name", "Connect>"):
        spoilt = right.replace(wrong, wrong.replace("n", "m").replace("url", "uri"))
        check(f"twilio: the judge refuses TwiML with a wrong {wrong}", _twiml_fault(spoilt))
    target = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
    good = Request("POST", target, {}, b"To=%2B14155550101&From=%2B14155550100&Url=https%3A%2F%2Fa.test%2F&TimeLimit=60")
    check("twilio: the judge accepts a right request", _request_fault(good) is None, _request_fault(good))
    for wrong in (Request("POST", target, {}, good.body + b"&TimeOut=1"), Request("PUT", target, {}, good.body),
                  Request("POST", target.replace("Calls", "Call"), {}, good.body)):
        check(f"twilio: the judge refuses {wrong.method} {wrong.target} {wrong.body[-9:].decode()}", _request_fault(wrong))
