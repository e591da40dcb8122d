#!/usr/bin/env python3
"""Lets third-party packages judge the wire: `twilio`, `openai`, `google-genai`, `standardwebhooks`, `svix`, `httpx-sse`,
and `streamdouble` as the phone.

    judges.py TALKPATH        the executable

Whole calls go over real sockets on loopback: fake carrier, server, fake model, and taps in between. The provider's
package then reads the messages of each side. Exits with 1 if one of them finds a fault.
"""

import asyncio
import contextlib
import json
import sys

import httpx
import httpx_sse
import standardwebhooks
import svix.webhooks

import certificates
import judge_gemini
import judge_openai
import judge_own_agent
import judge_streamdouble
import judge_twilio
import options
from stage import HERE, KEY, SECRET, Receiver, Stage, api, verdicts
from wire import events as wire_events
from wire import free_port

check = verdicts.check
PLAY = ("--conversation", str(HERE / "conversation"))


def agent(functions):
    return {
        "instructions": "Be brief.", "may_end_call": True, "first_message": "How can I help you?",
        "tools": [{
            "name": "opening_hours", "description": "When a place is open.",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
            "url": f"http://127.0.0.1:{functions.port}/hours",
        }],
    }


async def whole_call(stage, provider, judge):
    """Taps every connection of a call, from its placing to the end by the agent."""
    model = await stage.tap(await stage.fake_model(provider, *PLAY))
    functions = await Receiver(b'{"hours":"nine to five"}').start()
    told = await Receiver().start()
    port = free_port()
    webhooks = await stage.tap(port)
    rest = await stage.tap(await stage.fake_twilio(webhooks.port, *PLAY))
    url = {
        "openai": f"ws://127.0.0.1:{model.port}/v1/realtime",
        "gemini": f"ws://127.0.0.1:{model.port}/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    }[provider]
    server = await stage.server(
        port, rest.port, TALKPATH_AGENT_PROVIDER=provider, OPENAI_REALTIME_URL=url, GEMINI_LIVE_URL=url,
        TALKPATH_WEBHOOK_URL=f"http://127.0.0.1:{told.port}/events", TALKPATH_WEBHOOK_SECRET=SECRET,
        TALKPATH_DRAIN_TIMEOUT_S="3",
        TALKPATH_DATA_FOLDER=f"{stage.folder.name}/{provider}",
    )
    status, call = await api(port, "POST", "/api/calls", {"to": "+14155550101", "agent": agent(functions)})
    if not check(f"{provider}: a call is placed", status == 201, (status, call)):
        return
    following = asyncio.create_task(follow(port, call["call_id"]))
    for _ in range(450):
        _, call = await api(port, "GET", f"/api/calls/{call['call_id']}")
        if call.get("receipt"):
            break
        await asyncio.sleep(0.1)
    check(f"{provider}: the receipt says that the agent hung up", (call.get("receipt") or {}).get("ended_reason") == "agent_hangup", call)
    check(f"{provider}: the agent's function is called exactly once", len(functions.requests) == 1, len(functions.requests))
    judge.conversation(model.connections)
    await every_option(provider, port, model, judge)

    seen = await following
    followed(provider, seen, await follow(port, call["call_id"], after=seen[1].id))

    if provider == "openai":
        await judge_twilio.transfer(port)
        answers = await judge_twilio.signatures(port)
        judge_twilio.twiml(answers, "for incoming calls")
        voice = [body.decode() for one in webhooks.connections for kind, body in one.bodies() if "xml" in kind]
        judge_twilio.twiml(voice, "for outbound calls")
        judge_twilio.twiml(judge_twilio.our_requests(rest.connections), "in requests")
        judge_twilio.webhooks(webhooks.connections)
        await judge_twilio.rejection(port, server)
    for _ in range(50):
        if any(b'"call.ended"' in body for _, _, body in told.requests):
            break
        await asyncio.sleep(0.1)
    events(told.requests)


async def every_option(provider, port, model, judge):
    """Places calls with every option. The package's types must know each option, and the fake must accept it."""
    before = len(model.connections)
    variants = {"openai": options.OPENAI, "gemini": options.GEMINI}[provider]
    for number, variant in enumerate(variants):
        status, call = await api(port, "POST", "/api/calls", {"to": "+14155550101", "agent": variant})
        if not check(f"{provider}: the server accepts agent {number}", status == 201, (variant, call)):
            continue
        for _ in range(100):
            sockets = [one for one in model.connections[before:] if one.is_websocket]
            if len(sockets) > number and any(map(judge.is_ready, wire_events(sockets[number].server_messages()))):
                break
            await asyncio.sleep(0.1)
        await api(port, "POST", f"/api/calls/{call['call_id']}/end", {})
    sockets = [one for one in model.connections[before:] if one.is_websocket]
    check(f"{provider}: each agent has its own session", len(sockets) == len(variants), len(sockets))
    sent = [message for one in sockets for message in wire_events(one.client_messages())]
    verdicts.check_all(f"{provider}: every option matches the package's types", sent, judge.client_fault)
    for number, one in enumerate(sockets):
        check(f"{provider}: the fake model accepts agent {number}", any(map(judge.is_ready, wire_events(one.server_messages()))),
              list(wire_events(one.server_messages()))[:2])
    for variant, field in options.REFUSED[provider]:
        status, answer = await api(port, "POST", "/api/calls", {"to": "+14155550101", "agent": variant})
        check(f"{provider}: the server refuses {field}", (status, answer.get("field")) == (400, field), (status, answer))


async def follow(port, call, after=None):
    """Returns a call's events up to the end of their stream, as httpx-sse reads them."""
    headers = {"Authorization": f"Bearer {KEY}"} | ({"Last-Event-ID": after} if after else {})
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        async with httpx_sse.aconnect_sse(client, "GET", f"http://127.0.0.1:{port}/api/calls/{call}/events") as source:
            return [one async for one in source.aiter_sse()]


def followed(provider, seen, rest):
    def fault(event):
        if not event.data:
            return f"{event.event} without data"
        return None if json.loads(event.data)["type"] == event.event else f"{event.event}: {event.data[:300]}"

    verdicts.check_all(f"{provider}: httpx-sse reads every event of the stream", seen, fault)
    numbers = [int(event.id) for event in seen]
    check(f"{provider}: the numbers of the events grow", numbers == sorted(set(numbers)), numbers)
    retries = [event.retry for event in seen]
    check(f"{provider}: only the first event has a retry time", retries == [1000] + [None] * (len(seen) - 1), retries)
    kinds = [event.event for event in seen]
    whole = kinds[0] == "call.started" and {"call.answered", "call.transcript", "call.ended"} <= set(kinds)
    check(f"{provider}: the events cover the call from its start to its end", whole, kinds)
    check(f"{provider}: a follower that reconnects gets the remaining events", [one.id for one in rest] == [one.id for one in seen[2:]],
          ([one.id for one in rest], numbers))


def events(requests):
    """The packages of Standard Webhooks and Svix verify the deliveries of webhooks."""
    packages = {"standard webhooks": standardwebhooks.Webhook(SECRET), "svix": svix.webhooks.Webhook(SECRET)}
    for name, package in packages.items():
        _verified(name, package, requests)
    kinds = {json.loads(body)["type"] for _, _, body in requests}
    wanted = {"call.started", "call.answered", "call.transcript", "call.ended"}
    check("standard webhooks: the webhook has received the events of the whole call", wanted <= kinds, wanted - kinds)


def _verified(name, package, requests):
    def fault(one):
        _, headers, body = one
        try:
            package.verify(body, headers)
        except Exception as error:
            return f"{type(error).__name__} {headers}"
        with contextlib.suppress(Exception):
            package.verify(body + b" ", headers)
            return "a changed body is accepted, too"
        return None

    verdicts.check_all(f"{name}: the signature of every event is valid", requests, fault)


async def drive_fakes(stage):
    async def one_openai():
        port = await stage.fake_model("openai", *PLAY)
        await judge_openai.drive_fake(port)
        await judge_openai.drive_features(port)

    async def one_gemini():
        served, trust = certificates.make(stage.folder.name)
        tap = await stage.tap(await stage.fake_model("gemini", *PLAY), ssl=served)
        await judge_gemini.drive_fake(tap, trust)
        await judge_gemini.drive_features(tap, trust)

    async def one_twilio():
        port = await stage.fake_twilio(9)
        await asyncio.to_thread(judge_twilio.drive_fake, port)
        await asyncio.to_thread(judge_twilio.drive_resources, port)

    await asyncio.gather(one_openai(), one_gemini(), one_twilio())


async def main(binary):
    judge_twilio.can_fail()
    judge_openai.can_fail()
    judge_gemini.can_fail()
    async with Stage(binary) as stage:
        async with asyncio.timeout(240):
            await asyncio.gather(
                whole_call(stage, "openai", judge_openai), whole_call(stage, "gemini", judge_gemini), drive_fakes(stage)
            )
            # These phones run alone: they have a real clock, and report faults on a busy machine.
            await asyncio.gather(*(judge_streamdouble.calls(stage, one) for one in ("openai", "gemini")))
            await judge_own_agent.whole_call(stage)
    print(f"{verdicts.good} verdicts passed, {verdicts.bad} failed")
    return 1 if verdicts.bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
