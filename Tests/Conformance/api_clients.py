#!/usr/bin/env python3
"""Sends the requests of five systems' documentation to a running server. Only the host, the key and the numbers differ.
The clients are those of the documentation: curl, Python's `requests`, JavaScript's `fetch`.

    api_clients.py http://127.0.0.1:8080 KEY

The server needs a carrier, real or `talkpath simulate twilio`, and permission to call +14155550101. Exits with 1 if an
answer differs from the documented one. Without node, it skips the JavaScript programs and says so.
"""

import json
import shutil
import subprocess
import sys
import textwrap

import requests

HOST, KEY = sys.argv[1].rstrip("/"), sys.argv[2]
NUMBER = "+14155550101"
AGENT = "agent_123456"
BEARER = {"Authorization": f"Bearer {KEY}"}
failures = 0
left_out = 0


def check(name, condition, shown):
    global failures
    print(("ok    " if condition else "FAIL  ") + name)
    if not condition:
        failures += 1
        print("      " + str(shown)[:500])


def curl(*arguments):
    """Returns the status and the body."""
    output = subprocess.run(
        ["curl", "-sS", "-w", "\n%{http_code}", *arguments], check=True, capture_output=True, text=True
    ).stdout
    body, status = output.rsplit("\n", 1)
    return int(status), body


def run(*command):
    output = subprocess.run(command, capture_output=True, text=True)
    return output.stdout if output.returncode == 0 else output.stdout + output.stderr


def python(source):
    """Returns the output of a program that runs in its own process."""
    return run(sys.executable, "-c", textwrap.dedent(source))


def javascript(source):
    """Returns the output of a program; None without node."""
    global left_out
    if not shutil.which("node"):
        left_out += 1
        return None
    return run("node", "--input-type=module", "-e", textwrap.dedent(source))


def check_program(name, printed, expected):
    """Checks that a program has printed this JSON."""
    if printed is None:
        print("skipped   " + name + ": node is not installed")
        return
    try:
        check(name, json.loads(printed) == expected, printed)
    except ValueError:
        check(name, False, printed)


def place():
    response = requests.post(
        f"{HOST}/api/call",
        headers=BEARER,
        json={"to": NUMBER, "prompt": "You are making a quick announcement."},
    )
    data = response.json()
    check("agenticai: POST /api/call places a call", data.get("success") is True and data.get("to") == NUMBER, data)
    return data["call_id"]


def agenticai():
    health = requests.get(f"{HOST}/health").json()
    check("agenticai: GET /health reports the active calls", health["status"] == "healthy" and "active_calls" in health, health)
    missing = requests.post(f"{HOST}/api/call", headers=BEARER, json={"prompt": "x"}).json()
    check("agenticai: a call without 'to' is refused", missing.get("error") == "Missing 'to' phone number", missing)
    call_id = place()
    calls = requests.get(f"{HOST}/api/calls", headers=BEARER).json()
    check("agenticai: GET /api/calls lists the call", call_id in [call["call_id"] for call in calls["calls"]], calls)
    ended = requests.post(f"{HOST}/api/calls/{call_id}/end", headers=BEARER).json()
    check("agenticai: POST …/end ends the call", ended["success"] and ended["message"] == f"Call {call_id} ended", ended)
    again = requests.post(f"{HOST}/api/calls/{call_id}/end", headers=BEARER).json()
    check("agenticai: a second end answers that the call is not found", again["success"] is False and again["error"] == "Call not found", again)
    call_id = place()
    status, body = curl("-X", "POST", f"{HOST}/api/calls/{call_id}/end", "-H", f"Authorization: Bearer {KEY}")
    check("agenticai: curl ends a call", status == 200 and json.loads(body)["message"] == f"Call {call_id} ended", body)
    agenticai_programs()


def agenticai_programs():
    """Runs three programs: one ends a call after a time, one lists calls, one ends all calls one after the other."""
    printed = python(f"""
        import json
        import time
        import requests
        headers = {BEARER!r}
        response = requests.post("{HOST}/api/call", headers=headers, json={{
            "to": "{NUMBER}",
            "prompt": "You are making a quick announcement.",
            "webhook_url": "https://your-ngrok-url.ngrok.io"
        }})
        call_id = response.json()["call_id"]
        time.sleep(0.2)
        ended = requests.post(f"{HOST}/api/calls/{{call_id}}/end", headers=headers).json()
        print(json.dumps([ended["success"], ended["message"] == f"Call {{call_id}} ended"]))
    """)
    check_program("agenticai: the Python program ends its call after a time", printed, [True, True])
    calls = [place() for _ in range(3)]
    printed = javascript(f"""
        const response = await fetch('{HOST}/api/calls', {{ headers: {json.dumps(BEARER)} }});
        const data = await response.json();
        const ids = data.calls.map(call => call.call_id);
        const whole = data.calls.every(call => call.to_number && call.status && call.direction === 'outbound');
        console.log(JSON.stringify([data.count === ids.length, whole, {json.dumps(calls)}.every(id => ids.includes(id))]));
    """)
    check_program("agenticai: the JavaScript program lists every call", printed, [True, True, True])
    printed = python(f"""
        import json
        import requests
        headers = {BEARER!r}
        calls = requests.get("{HOST}/api/calls", headers=headers).json()["calls"]
        results = []
        for call in calls:
            result = requests.post(f"{HOST}/api/calls/{{call['call_id']}}/end", headers=headers).json()
            results.append(result["success"] or result["error"])
        left = requests.get("{HOST}/api/calls", headers=headers).json()
        print(json.dumps([len(calls) >= 3, all(result is True for result in results), left]))
    """)
    check_program(
        "agenticai: the Python program ends all calls", printed, [True, True, {"calls": [], "count": 0, "next_cursor": None}]
    )


def callab():
    call_id = place()
    status, body = curl(
        "-X", "POST", f"{HOST}/calls/end", "-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json",
        "-d", json.dumps({"call_id": call_id, "disconnect_reason": "Call completed successfully"}),
    )
    documented = {"status": "ok", "message": "ok", "data": "Call Ended"}
    check("Callab: curl ends a call", status == 200 and json.loads(body) == documented, body)
    call = requests.get(f"{HOST}/v1/calls/{call_id}", headers=BEARER).json()["data"]
    check("Callab: the call records the disconnect reason", call["disconnect_reason"] == "Call completed successfully" and call["ended_at"], call)
    status, body = curl(
        "-X", "POST", f"{HOST}/v1/calls/end", "-H", f"Authorization: Bearer {KEY}", "-H",
        "Content-Type: application/json", "-d", '{"call_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}',
    )
    check("Callab: an unknown call is answered with 200 and an empty body", (status, body) == (200, ""), body)
    status, _ = curl("-X", "POST", f"{HOST}/v1/calls/end", "-H", "Authorization: Bearer wrong", "-d", "{}")
    check("Callab: a wrong key is answered with 401", status == 401, status)
    status, body = curl(
        "--request", "POST", "--url", f"{HOST}/v1/calls/end", "--header", f"Authorization: Bearer {KEY}", "--header",
        "Content-Type: application/json", "--data", json.dumps({"call_id": place(), "disconnect_reason": "<string>"}),
    )
    check("Callab: curl ends a call below /v1", status == 200 and json.loads(body) == documented, body)
    printed = javascript(f"""
        const endCall = async (callId, disconnectReason = null) => {{
          const requestBody = {{ call_id: callId }};
          if (disconnectReason) {{
            requestBody.disconnect_reason = disconnectReason;
          }}
          const response = await fetch('{HOST}/calls/end', {{
            method: 'POST',
            headers: {{ 'Authorization': 'Bearer {KEY}', 'Content-Type': 'application/json' }},
            body: JSON.stringify(requestBody)
          }});
          if (!response.ok) {{
            throw new Error(`HTTP error! Status: ${{response.status}}`);
          }}
          return await response.json();
        }};
        console.log(JSON.stringify([await endCall('{place()}'), await endCall('{place()}', 'Customer requested')]));
    """)
    check_program("Callab: the JavaScript program ends calls", printed, [documented, documented])
    printed = python(f"""
        import json
        import requests
        payload = {{"call_id": "{place()}", "disconnect_reason": "Customer requested to end call"}}
        headers = {{"Authorization": "Bearer {KEY}", "Content-Type": "application/json"}}
        response = requests.post("{HOST}/v1/calls/end", json=payload, headers=headers)
        print(json.dumps([response.status_code, response.json()]))
    """)
    check_program("Callab: the Python program ends a call", printed, [200, documented])


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
    check("Talkover: a call is placed", status == 200 and data["success"] and data["data"]["status"] == "initiated", body)
    call = data["data"]["id"]

    def end(agent):
        return curl(
            "-X", "POST", f"{HOST}/api/v1/agents/{agent}/end-call", "-H", f"Authorization: Bearer {KEY}", "-H",
            "Content-Type: application/json", "-d", json.dumps({"call_sid": call}),
        )

    status, body = end("agent-uuid")
    expected = {"success": False, "message": "Call not found for this agent"}
    check("Talkover: another agent's id does not end the call", status == 404 and json.loads(body) == expected, body)
    status, body = end(AGENT)
    data = json.loads(body)["data"]
    check("Talkover: the agent's id ends the call", status == 200 and data["id"] == call and data["ended_reason"] == "ended_by_api", body)
    status, body = end(AGENT)
    expected = {"success": False, "message": "Call is not active", "code": "CALL_NOT_ACTIVE"}
    check("Talkover: a second end answers that the call is not active", status == 409 and json.loads(body) == expected, body)
    talkover_programs()


def talkover_programs():
    def place_there():
        url = f"{HOST}/api/v1/agents/{AGENT}/call"
        return requests.post(url, headers=BEARER, json={"to": NUMBER}).json()["data"]["id"]

    call = place_there()
    printed = javascript(f"""
        const response = await fetch('{HOST}/api/v1/agents/{AGENT}/end-call', {{
          method: 'POST',
          headers: {{ 'Authorization': 'Bearer {KEY}', 'Content-Type': 'application/json' }},
          body: JSON.stringify({{ call_sid: '{call}' }})
        }});
        const answer = await response.json();
        const time = Date.parse(answer.data.ended_at);
        delete answer.data.ended_at;
        console.log(JSON.stringify([response.status, answer, Math.abs(Date.now() - time) < 600000]));
    """)
    documented = {"success": True, "data": {"id": call, "status": "completed", "ended_reason": "ended_by_api"}}
    check_program("Talkover: the JavaScript program ends a call", printed, [200, documented, True])
    call = place_there()
    printed = python(f"""
        import json
        import requests
        url = "{HOST}/api/v1/agents/{AGENT}/end-call"
        headers = {{"Authorization": "Bearer {KEY}", "Content-Type": "application/json"}}
        answer = requests.post(url, json={{"call_sid": "{call}"}}, headers=headers).json()
        listed = requests.get("{HOST}/api/v1/agents/{AGENT}/calls", headers=headers).json()
        print(json.dumps([answer["data"]["id"], listed["data"][0]["id"], listed["pagination"]["current_page"]]))
    """)
    check_program("Talkover: the Python program ends a call and lists it", printed, [call, call, 1])


def vocode():
    call_id = place()
    status, body = curl(
        "--request", "POST", "--url", f"{HOST}/v1/calls/end?id={call_id}", "--header", f"Authorization: Bearer {KEY}"
    )
    call = json.loads(body)
    required = {"id", "user_id", "to_number", "from_number", "agent", "telephony_provider", "agent_phone_number"}
    check("Vocode: a request with credentials ends the call", status == 200 and required <= call.keys() and call["status"] == "ended", body)
    check("Vocode: the answer redacts the carrier's credentials", "[redacted]" in json.dumps(call["telephony_account_connection"]), body)
    status, body = curl(
        "--request", "POST", "--url", f"{HOST}/v1/calls/end", "--header", f"Authorization: Bearer {KEY}"
    )
    check("Vocode: a request without an id is refused", status == 422 and json.loads(body)["detail"][0]["loc"] == ["query", "id"], body)
    call_id = place()
    printed = python(f"""
        import json
        import requests
        url = "{HOST}/v1/calls/end"
        headers = {{"Authorization": "Bearer {KEY}"}}
        response = requests.request("POST", url, headers=headers, params={{"id": "{call_id}"}})
        listed = requests.request("GET", "{HOST}/v1/calls/list", headers=headers, params={{"sort_desc": True}}).json()
        print(json.dumps([response.json()["id"], response.json()["status"], listed["items"][0]["id"]]))
    """)
    check_program("Vocode: the Python program ends a call", printed, [call_id, "ended", call_id])
    call_id = place()
    printed = javascript(f"""
        const options = {{method: 'POST', headers: {{Authorization: 'Bearer {KEY}'}}}};
        const response = await fetch('{HOST}/v1/calls/end?id={call_id}', options);
        const call = await response.json();
        console.log(JSON.stringify([call.id, call.status, call.telephony_provider]));
    """)
    check_program("Vocode: the JavaScript program ends a call", printed, [call_id, "ended", "twilio"])


def snippet():
    call_id = place()
    sid = requests.get(f"{HOST}/api/calls/{call_id}", headers=BEARER).json()["carrier_call_id"]
    order = {"callSid": sid, "accountSid": "AC0", "authToken": "none"}
    response = requests.post(f"{HOST}/api/hangup", headers=BEARER, json=order)
    expected = {"message": "Succesfully hangup outbound call"}
    check("snippet: a request hangs up the call", response.status_code == 200 and response.json() == expected, response.text)
    call_id = place()
    sid = requests.get(f"{HOST}/api/calls/{call_id}", headers=BEARER).json()["carrier_call_id"]
    printed = javascript(f"""
        const response = await fetch('{HOST}/api/hangup', {{
          method: 'POST',
          headers: {{ 'Authorization': 'Bearer {KEY}', 'Content-Type': 'application/json' }},
          body: JSON.stringify({{ callSid: '{sid}', accountSid: 'AC0', authToken: 'none' }})
        }});
        console.log(JSON.stringify([response.status, await response.json()]));
    """)
    check_program("snippet: the JavaScript program hangs up a call", printed, [200, expected])
    response = requests.post(f"{HOST}/api/hangup", headers=BEARER, json={})
    expected = {"message": "Failed to hangup outbound call", "error": "No callSid provided"}
    check("snippet: a request without a SID is refused", response.status_code == 500 and response.json() == expected, response.text)
    response = requests.get(f"{HOST}/api/hangup", headers=BEARER)
    allowed = response.status_code == 405 and response.headers.get("Allow") == "POST"
    check("snippet: other methods are refused", allowed and response.text == "Method GET Not Allowed", response.text)


for system in (agenticai, callab, talkover, vocode, snippet):
    system()
if left_out:
    print(f"{left_out} programs in JavaScript were skipped: install node (nodejs) to run them")
sys.exit(1 if failures else 0)
