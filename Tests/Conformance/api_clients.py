#!/usr/bin/env python3
"""Runs the requests that five systems' documentation shows, against a running server: only the host, the key and the
numbers differ. Each is made as its readers would make it: by curl, by Python's `requests`, by JavaScript's `fetch`.

    api_clients.py http://127.0.0.1:8080 KEY

The server needs a carrier, real or `talkpath simulate twilio`, and leave to call +14155550101. Exits with 1 if an answer
is not the documented one. JavaScript is left out where there is no node.
"""

import json
import shutil
import subprocess
import sys

import requests

HOST, KEY = sys.argv[1].rstrip("/"), sys.argv[2]
NUMBER = "+14155550101"
AGENT = "agent_123456"
BEARER = {"Authorization": f"Bearer {KEY}"}
failures = 0


def check(name, condition, shown):
    global failures
    print(("ok    " if condition else "FAIL  ") + name)
    if not condition:
        failures += 1
        print("      " + str(shown)[:500])


def curl(*arguments):
    """Status and body."""
    output = subprocess.run(
        ["curl", "-sS", "-w", "\n%{http_code}", *arguments], check=True, capture_output=True, text=True
    ).stdout
    body, status = output.rsplit("\n", 1)
    return int(status), body


def javascript(source):
    """What the program prints, as JSON."""
    output = subprocess.run(["node", "--input-type=module", "-e", source], check=True, capture_output=True, text=True)
    return json.loads(output.stdout)


def place():
    response = requests.post(
        f"{HOST}/api/call",
        headers=BEARER,
        json={"to": NUMBER, "prompt": "You are making a quick announcement."},
    )
    data = response.json()
    check("agenticai: POST /api/call", data.get("success") is True and data.get("to") == NUMBER, data)
    return data["call_id"]


def agenticai():
    health = requests.get(f"{HOST}/health").json()
    check("agenticai: GET /health", health["status"] == "healthy" and "active_calls" in health, health)
    missing = requests.post(f"{HOST}/api/call", headers=BEARER, json={"prompt": "x"}).json()
    check("agenticai: missing 'to'", missing.get("error") == "Missing 'to' phone number", missing)
    call_id = place()
    calls = requests.get(f"{HOST}/api/calls", headers=BEARER).json()
    check("agenticai: GET /api/calls", call_id in [call["call_id"] for call in calls["calls"]], calls)
    ended = requests.post(f"{HOST}/api/calls/{call_id}/end", headers=BEARER).json()
    check("agenticai: end", ended["success"] and ended["message"] == f"Call {call_id} ended", ended)
    again = requests.post(f"{HOST}/api/calls/{call_id}/end", headers=BEARER).json()
    check("agenticai: end again", again["success"] is False and again["error"] == "Call not found", again)


def callab():
    call_id = place()
    status, body = curl(
        "-X", "POST", f"{HOST}/calls/end", "-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json",
        "-d", json.dumps({"call_id": call_id, "disconnect_reason": "Call completed successfully"}),
    )
    documented = {"status": "ok", "message": "ok", "data": "Call Ended"}
    check("Callab: curl", status == 200 and json.loads(body) == documented, body)
    call = requests.get(f"{HOST}/v1/calls/{call_id}", headers=BEARER).json()["data"]
    check("Callab: reason", call["disconnect_reason"] == "Call completed successfully" and call["ended_at"], call)
    status, body = curl(
        "-X", "POST", f"{HOST}/v1/calls/end", "-H", f"Authorization: Bearer {KEY}", "-H",
        "Content-Type: application/json", "-d", '{"call_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}',
    )
    check("Callab: an error is 200 with an empty body", (status, body) == (200, ""), body)
    status, _ = curl("-X", "POST", f"{HOST}/v1/calls/end", "-H", "Authorization: Bearer wrong", "-d", "{}")
    check("Callab: 401", status == 401, status)
    if shutil.which("node"):
        call_id = place()
        data = javascript(f"""
            const response = await fetch('{HOST}/calls/end', {{
              method: 'POST',
              headers: {{ 'Authorization': 'Bearer {KEY}', 'Content-Type': 'application/json' }},
              body: JSON.stringify({{ call_id: '{call_id}' }})
            }});
            console.log(JSON.stringify({{ ok: response.ok, data: await response.json() }}));
        """)
        check("Callab: JavaScript", data == {"ok": True, "data": documented}, data)


def talkover():
    requests.put(f"{HOST}/api/agents/{AGENT}", headers=BEARER, json={"name": "SupportBot"}).raise_for_status()
    status, body = curl(
        "-X", "POST", f"{HOST}/api/v1/agents/{AGENT}/call", "-H", f"Authorization: Bearer {KEY}", "-H",
        "Content-Type: application/json", "-d",
        json.dumps({
            "to": NUMBER, "payload": {"customer_name": "John Doe"}, "context": {"user_id": "user_123"},
            "delay_seconds": 0, "is_testing": False,
        }),
    )
    data = json.loads(body)
    check("Talkover: call", status == 200 and data["success"] and data["data"]["status"] == "initiated", body)
    call = data["data"]["id"]

    def end(agent):
        return curl(
            "-X", "POST", f"{HOST}/api/v1/agents/{agent}/end-call", "-H", f"Authorization: Bearer {KEY}", "-H",
            "Content-Type: application/json", "-d", json.dumps({"call_sid": call}),
        )

    status, body = end("agent-uuid")
    expected = {"success": False, "message": "Call not found for this agent"}
    check("Talkover: another agent's", status == 404 and json.loads(body) == expected, body)
    status, body = end(AGENT)
    data = json.loads(body)["data"]
    check("Talkover: end", status == 200 and data["id"] == call and data["ended_reason"] == "ended_by_api", body)
    status, body = end(AGENT)
    expected = {"success": False, "message": "Call is not active", "code": "CALL_NOT_ACTIVE"}
    check("Talkover: end again", status == 409 and json.loads(body) == expected, body)


def vocode():
    call_id = place()
    status, body = curl(
        "--request", "POST", "--url", f"{HOST}/v1/calls/end?id={call_id}", "--header", f"Authorization: Bearer {KEY}"
    )
    call = json.loads(body)
    required = {"id", "user_id", "to_number", "from_number", "agent", "telephony_provider", "agent_phone_number"}
    check("Vocode: end", status == 200 and required <= call.keys() and call["status"] == "ended", body)
    check("Vocode: no credentials", "[redacted]" in json.dumps(call["telephony_account_connection"]), body)
    status, body = curl(
        "--request", "POST", "--url", f"{HOST}/v1/calls/end", "--header", f"Authorization: Bearer {KEY}"
    )
    check("Vocode: no id", status == 422 and json.loads(body)["detail"][0]["loc"] == ["query", "id"], body)


def snippet():
    call_id = place()
    sid = requests.get(f"{HOST}/api/calls/{call_id}", headers=BEARER).json()["carrier_call_id"]
    order = {"callSid": sid, "accountSid": "AC0", "authToken": "none"}
    response = requests.post(f"{HOST}/api/hangup", headers=BEARER, json=order)
    expected = {"message": "Succesfully hangup outbound call"}
    check("snippet: hang up", response.status_code == 200 and response.json() == expected, response.text)
    response = requests.post(f"{HOST}/api/hangup", headers=BEARER, json={})
    expected = {"message": "Failed to hangup outbound call", "error": "No callSid provided"}
    check("snippet: no SID", response.status_code == 500 and response.json() == expected, response.text)
    response = requests.get(f"{HOST}/api/hangup", headers=BEARER)
    allowed = response.status_code == 405 and response.headers.get("Allow") == "POST"
    check("snippet: other methods", allowed and response.text == "Method GET Not Allowed", response.text)


for system in (agenticai, callab, talkover, vocode, snippet):
    system()
sys.exit(1 if failures else 0)
