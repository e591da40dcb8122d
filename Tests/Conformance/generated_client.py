#!/usr/bin/env python3
"""Generates a client from a running server's OpenAPI document with openapi-python-client, and makes calls with it.

    generated_client.py http://127.0.0.1:8080 KEY

The generator must accept every route and every model without a warning. The client then places a call, reads, lists and
ends it. Each answer must have the type that the document promises. The server needs a carrier, real or
`talkpath simulate twilio`, and permission to call +14155550101. Exits with 1 if a check fails.
"""

import enum
import importlib
import json
import pathlib
import pkgutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HOST, KEY = sys.argv[1].rstrip("/"), sys.argv[2]
failures = 0


def check(name, condition, shown=""):
    global failures
    print(("ok    " if condition else "FAIL  ") + name, flush=True)
    if not condition:
        failures += 1
        print("      " + str(shown)[:1500])
    return bool(condition)


def generate(folder):
    """Makes a client in `folder` and returns the document; returns None if the generator fails."""
    with urllib.request.urlopen(f"{HOST}/openapi.json") as answer:
        text = answer.read()
    (folder / "openapi.json").write_bytes(text)
    # The generated code needs no formatting.
    (folder / "config.json").write_text('{"post_hooks": []}')
    done = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--path", folder / "openapi.json",
            "--output-path", folder / "talkpath_client", "--meta", "none", "--config", folder / "config.json",
            "--fail-on-warning",
        ],
        capture_output=True, text=True,
    )
    printed = done.stdout + done.stderr
    warned = [line for line in printed.splitlines() if "WARNING" in line or "Unable" in line]
    good = check("the generator gives no warning", done.returncode == 0 and not warned, warned[:5] or printed)
    return json.loads(text) if good else None


def modules(package):
    """Imports every module below a package."""
    found = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    return [importlib.import_module(one.name) for one in found]


def completeness(document):
    """The client has a function for each operation and one type for each schema and each enumeration."""
    import talkpath_client.api
    import talkpath_client.models

    found = modules(talkpath_client.api)
    routes = {module.__name__ for module in found if hasattr(module, "sync_detailed")}
    operations = [one for path in document["paths"].values() for one in path.values()]
    check(f"each operation has a function ({len(operations)})", len(routes) == len(operations), len(routes))
    classes = {name.lower() for name in talkpath_client.models.__all__}
    schemas = document["components"]["schemas"]
    named = [name for name, one in schemas.items() if "properties" in one or "enum" in one]
    missing = [name for name in named if name.lower() not in classes]
    check(f"each object and each enumeration has a class ({len(named)})", not missing, missing)
    words = {}
    for name in talkpath_client.models.__all__:
        model = getattr(talkpath_client.models, name)
        if issubclass(model, enum.Enum) and len(model) > 1:
            words.setdefault(tuple(sorted(one.value for one in model)), []).append(name)
    twice = [names for names in words.values() if len(names) > 1]
    check(f"no enumeration has two classes ({len(words)})", not twice, twice)


def conversation():
    """Takes one call from its placing to its receipt; creates and deletes a webhook and an agent."""
    from talkpath_client import AuthenticatedClient
    from talkpath_client import models
    from talkpath_client.api.agents import create_agent, delete_agent, get_agent, list_agents
    from talkpath_client.api.calls import end_call, get_call, get_recording, get_transcript, list_calls, place_call
    from talkpath_client.api.events import add_webhook, delete_webhook, list_webhooks
    from talkpath_client.api.server import health

    client = AuthenticatedClient(base_url=HOST, token=KEY, raise_on_unexpected_status=True)
    check("health", health.sync(client=client).active_calls >= 0)

    definition = models.AgentDefinition(
        name="Generated", instructions="Be brief.", provider=models.AgentProvider.OPENAI,
        limits=models.CallLimits(max_duration_s=60),
    )
    agent = create_agent.sync(client=client, body=definition)
    if check("an agent is created", isinstance(agent, models.Agent) and agent.name == "Generated", agent):
        read = get_agent.sync(agent.agent_id, client=client)
        check("the agent can be read", isinstance(read, models.Agent) and read.limits.max_duration_s == 60, read)
        listed = list_agents.sync(client=client)
        check("the agent is listed", agent.agent_id in [one.agent_id for one in listed.agents], listed)

    metadata = models.CreateCallRequestMetadataType0.from_dict({"order": 7})
    order = models.CreateCallRequest(to="+14155550101", agent_id=agent.agent_id, capture="audio", metadata=metadata)
    placed = place_call.sync(client=client, body=order)
    if not check("a call is placed", isinstance(placed, models.PlacedCall) and placed.success, placed):
        return
    call = None
    for _ in range(100):
        call = get_call.sync(placed.call_id, client=client)
        if isinstance(call, models.Call) and call.status is models.CallStatus.IN_PROGRESS:
            break
        time.sleep(0.1)
    check("the call can be read while it lasts", isinstance(call, models.Call) and call.metadata["order"] == 7, call)
    listed = list_calls.sync(client=client, direction=models.DirectionWord.OUTBOUND)
    check("the call is listed", placed.call_id in [one.call_id for one in listed.calls], listed)
    receipt = end_call.sync(placed.call_id, client=client, body=models.EndCallRequest(reason="judged"))
    good = isinstance(receipt, models.Receipt) and receipt.success
    check("the call is ended, with a receipt", good and receipt.ended_reason is models.EndReason.ENDED_BY_API, receipt)
    again = end_call.sync(placed.call_id, client=client, body=models.EndCallRequest())
    check("a second end answers with a problem of status 409", isinstance(again, models.Problem) and again.status == 409, again)
    transcript = get_transcript.sync(placed.call_id, client=client)
    check("the call's transcript can be read", isinstance(transcript, models.Transcript), transcript)
    recording = get_recording.sync(placed.call_id, client=client)
    sound = recording.payload.read() if hasattr(recording, "payload") else b""
    check("the call's recording is an Ogg file", sound.startswith(b"OggS"), recording)

    webhook = add_webhook.sync(
        client=client, body=models.WebhookRequest(url="http://127.0.0.1:9/", events=[models.EventType.CALL_ENDED])
    )
    if check("a webhook is added", isinstance(webhook, models.NewWebhook), webhook):
        known = [one.webhook_id for one in list_webhooks.sync(client=client).webhooks]
        check("the webhook is listed", webhook.webhook_id in known, known)
        gone = delete_webhook.sync_detailed(webhook.webhook_id, client=client)
        check("the webhook is deleted", gone.status_code == 204, gone)
    check("the agent is deleted", delete_agent.sync_detailed(agent.agent_id, client=client).status_code == 204)


with tempfile.TemporaryDirectory() as name:
    if made := generate(pathlib.Path(name)):
        sys.path.insert(0, name)
        completeness(made)
        conversation()
sys.exit(1 if failures else 0)
