"""The package `streamdouble` is the phone. Its media stream talks with the bridge, over a good line and over bad ones."""

import asyncio
import urllib.parse
import xml.etree.ElementTree

from streamdouble.audio import wav_to_ulaw_frames
from streamdouble.chaos import Impairments
from streamdouble.protocol import StreamIdentity
from streamdouble.session import SessionConfig, run_call

from stage import ACCOUNT, HERE, NUMBER, ORIGIN, TOKEN, api, request, verdicts
from twilio.request_validator import RequestValidator
from wire import free_port

check = verdicts.check
LINES = {
    "a good line": Impairments(),
    "a line that loses 10% of the frames": Impairments(loss=0.1),
    "a line that loses 5% of the frames, with 12 ms of jitter": Impairments(loss=0.05, jitter_ms=12),
}


async def calls(stage, provider):
    """Takes one call over each kind of line, all at the same time on one server."""
    model = await stage.fake_model(provider, "--conversation", str(HERE.parent.parent / "fixtures/calls/plain-conversation"))
    url = {
        "openai": f"ws://127.0.0.1:{model}/v1/realtime",
        "gemini": f"ws://127.0.0.1:{model}/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    }[provider]
    port = free_port()
    carrier = await stage.fake_twilio(port)
    await stage.server(
        port, carrier, TALKPATH_AGENT_PROVIDER=provider, OPENAI_REALTIME_URL=url, GEMINI_LIVE_URL=url,
        TALKPATH_DATA_FOLDER=f"{stage.folder.name}/streamdouble-{provider}", TALKPATH_LOG_LEVEL="info",
        TALKPATH_AGENT_FIRST_MESSAGE="How can I help you?",
    )
    await asyncio.gather(*(_call(port, provider, name, line) for name, line in LINES.items()))


async def _call(port, provider, name, line):
    identity = StreamIdentity(account_sid=ACCOUNT)
    fields = {
        "CallSid": identity.call_sid, "AccountSid": ACCOUNT, "From": "+14155550111", "To": NUMBER,
        "CallStatus": "ringing", "Direction": "inbound", "ApiVersion": "2010-04-01",
    }
    headers = {
        "X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(ORIGIN + "/twilio/voice", fields),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urllib.parse.urlencode(fields).encode()
    status, text = await asyncio.to_thread(request, "POST", f"http://127.0.0.1:{port}/twilio/voice", body, headers)
    label = f"streamdouble with {provider}, {name}"
    if not check(f"{label}: the incoming call is accepted", status == 200, (status, text)):
        return
    stream = xml.etree.ElementTree.fromstring(text).find(".//Stream")
    parameters = {one.get("name"): one.get("value") for one in stream.iter("Parameter")}
    target = f"ws://127.0.0.1:{port}" + urllib.parse.urlsplit(stream.get("url")).path
    audio = wav_to_ulaw_frames(HERE.parent.parent / "fixtures/audio/caller-1-question.wav")
    # The agent greets first. The caller's question follows, and then silence that ends the turn.
    quiet = [b"\xff" * 160]
    frames = quiet * 300 + list(audio) + quiet * 300
    result = await run_call(target, frames, config=SessionConfig(
        custom_parameters=parameters, impairments=line, chaos_seed=7, quiet_period_s=4, max_drain_s=20), identity=identity)
    check(f"{label}: the bridge keeps to the media stream protocol", not result.violations and not result.unknown_events,
          (result.violations[:3], result.unknown_events[:3]))
    check(f"{label}: the caller hears the greeting", result.first_audio_at is not None and not result.timed_out, result.events[-3:])
    check(f"{label}: the bridge sends each mark exactly once", result.marks_received and
          len(set(result.marks_received)) == len(result.marks_received), result.marks_received)
    call, found = {}, None
    for _ in range(100):
        if found is None:
            _, listed = await api(port, "GET", "/api/calls?limit=20&state=all")
            found = next((one["call_id"] for one in listed["calls"] if one["carrier_call_id"] == identity.call_sid), None)
        else:
            _, call = await api(port, "GET", f"/api/calls/{found}")
            if call.get("receipt"):
                break
        await asyncio.sleep(0.1)
    reason = (call.get("receipt") or {}).get("ended_reason")
    check(f"{label}: the receipt says that the caller hung up", reason == "caller_hangup", call)
    seconds = len(result.audio_received) / 8000
    check(f"{label}: the caller hears more than 4 s of audio", seconds > 4, seconds)
