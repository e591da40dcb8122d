"""The agent of Examples/OwnAgent answers a call. The caller hears it, and interrupts it by speaking over it."""

import asyncio
import os
import sys
import urllib.parse
import xml.etree.ElementTree

from streamdouble.audio import wav_to_ulaw_frames
from streamdouble.protocol import StreamIdentity
from streamdouble.session import SessionConfig, run_call

from agent_socket_document import Document
from stage import ACCOUNT, HERE, NUMBER, ORIGIN, TOKEN, Stage, api, request, verdicts
from twilio.request_validator import RequestValidator
from wire import free_port

check = verdicts.check
TOP = HERE.parent.parent
SECRET = "a secret of the agent"


async def whole_call(stage):
    agent, port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(TOP / "Examples/OwnAgent/agent.py"), str(agent), stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"TALKPATH_SOCKET_KEY": SECRET})
    stage.processes.append(process)
    await process.stdout.readline()
    document, tap = Document(), await stage.tap(agent)
    check("own agent: the protocol's document is consistent", not (faults := document.faults()), faults)
    carrier = await stage.fake_twilio(port)
    await stage.server(
        port, carrier, TALKPATH_AGENT_PROVIDER="socket", TALKPATH_SOCKET_URL=f"ws://127.0.0.1:{tap.port}",
        TALKPATH_SOCKET_KEY=SECRET, TALKPATH_AGENT_FIRST_MESSAGE="Good day")
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
    if not check("own agent: the incoming call is accepted", status == 200, (status, text)):
        return
    stream = xml.etree.ElementTree.fromstring(text).find(".//Stream")
    parameters = {one.get("name"): one.get("value") for one in stream.iter("Parameter")}
    target = f"ws://127.0.0.1:{port}" + urllib.parse.urlsplit(stream.get("url")).path
    speech = list(wav_to_ulaw_frames(TOP / "fixtures/audio/caller-1-question.wav"))
    quiet = [b"\xff" * 160]
    # A greeting, a question, two seconds of the long answer, and speech over it.
    frames = quiet * 100 + speech + quiet * 150 + speech[:75] + quiet * 50
    result = await run_call(target, frames, config=SessionConfig(
        custom_parameters=parameters, quiet_period_s=1, max_drain_s=3), identity=identity)
    check("own agent: the bridge keeps to the media stream protocol", not result.violations and not result.unknown_events,
          (result.violations[:3], result.unknown_events[:3]))
    check("own agent: the caller hears the agent", result.audio_duration_s > 1.5, result.audio_duration_s)
    check("own agent: speech over the agent clears the playback", result.clears_received >= 1, result.clears_received)
    call = {}
    for _ in range(100):
        _, listed = await api(port, "GET", "/api/calls?limit=5&state=all")
        if listed["calls"]:
            _, call = await api(port, "GET", f"/api/calls/{listed['calls'][0]['call_id']}")
            if call.get("receipt"):
                break
        await asyncio.sleep(0.1)
    check("own agent: the receipt says that the caller hung up", (call.get("receipt") or {}).get("ended_reason") == "caller_hangup",
          call)
    turns = call.get("transcript") or []
    check("own agent: the transcript has the words of both sides", {one["role"] for one in turns} == {"user", "assistant"}, turns)
    cut = [one["heard_ms"] for one in turns if one["role"] == "assistant" and one.get("heard_ms")]
    check("own agent: the transcript says how much of the answer was heard", any(200 < heard < 6000 for heard in cut), turns)
    wire = tap.connections[0]
    check("own agent: the bridge's messages match the document", not (faults := document.faults_of_received(wire.client_messages())),
          faults)
    check("own agent: the agent's messages match the document", not (faults := document.faults_of_sent(wire.server_messages())), faults)
    printed = [await asyncio.wait_for(process.stdout.readline(), 5) for _ in range(2)]
    check("own agent: the agent is told of the call's beginning and end",
          printed[0].startswith(b"call ") and printed[1] == b"ended caller_hangup\n", printed)


async def main(binary):
    async with Stage(binary) as stage:
        async with asyncio.timeout(90):
            await whole_call(stage)
    return 1 if verdicts.bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
