#!/usr/bin/env python3
"""Lets `opentelemetry-proto` and `opentelemetry-semantic-conventions` judge the traces of a call.

    judge_traces.py TALKPATH        the executable

A whole call goes over real sockets on loopback, with a function, a webhook and a collector. Each request to the collector
must be an `ExportTraceServiceRequest` in OTLP's JSON. Every attribute's name must be in the conventions or begin with
`talkpath.`. Then the collector refuses requests, and then it is down: calls must end as usual. Takes about a minute.
"""

import asyncio
import base64
import importlib
import json
import pkgutil
import re
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.semconv import attributes as stable
from opentelemetry.semconv._incubating import attributes as incubating
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai

from stage import HERE, KEY, SECRET, Receiver, Stage, api, request, verdicts
from wire import free_port

check = verdicts.check
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """A collector on loopback that keeps the requests that it receives."""

    def __init__(self):
        self.requests = []
        self.status = 200

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                text = head.decode()
                length = int(re.search(r"(?i)content-length: *(\d+)", text)[1])
                self.requests.append((text, await reader.readexactly(length)))
                writer.write(f"HTTP/1.1 {self.status} x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def conventions():
    """Every attribute's name in OpenTelemetry's conventions."""
    names = set()
    for package in (stable, incubating):
        for module in pkgutil.iter_modules(package.__path__):
            found = importlib.import_module(f"{package.__name__}.{module.name}")
            names |= {value for key, value in vars(found).items() if key.isupper() and isinstance(value, str)}
    return names


def request_of(body):
    """OTLP's JSON writes identifiers in hexadecimal digits; protobuf's own JSON writes them in base64."""
    json_body = json.loads(body)

    def translate(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("traceId", "spanId", "parentSpanId"):
                    if not re.fullmatch(r"(?:[0-9a-f]{32}|[0-9a-f]{16})", inner):
                        raise ValueError(f"{key} is {inner}")
                    value[key] = base64.b64encode(bytes.fromhex(inner)).decode()
                else:
                    translate(inner)
        elif isinstance(value, list):
            for inner in value:
                translate(inner)

    translate(json_body)
    # Unknown members are an error here, although a collector ignores them.
    return json_format.ParseDict(json_body, ExportTraceServiceRequest())


def plain(value):
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None


def values(span):
    return {pair.key: plain(pair.value) for pair in span.attributes}


def judge(collector, functions, told):
    known = conventions()
    heads = [head.split("\r\n")[0] for head, _ in collector.requests]
    check("every request to the collector is a POST to /v1/traces", all(h.startswith("POST /v1/traces ") for h in heads), heads)
    check("every request to the collector has its key", all("api-key: collector-key" in h.lower() for h, _ in collector.requests))
    requests = [request_of(body) for _, body in collector.requests]
    resources = [r.resource for request in requests for r in request.resource_spans]
    check("every resource has the service's name", all(plain(a.value) == "desk" for r in resources for a in r.attributes if a.key == "service.name") and resources)
    spans = [s for request in requests for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
    check("all spans belong to one trace, the client's", {s.trace_id.hex() for s in spans} == {PARENT.split("-")[1]}, len(spans))
    identifiers = {s.span_id for s in spans}
    check("every span has its own id", len(identifiers) == len(spans))
    roots = [s for s in spans if s.name == "call"]
    check("one span is the call, and its parent is the client's span", len(roots) == 1 and roots[0].parent_span_id.hex() == PARENT.split("-")[2])
    verdicts.check_all("every other span's parent is in the trace", [s for s in spans if s.name != "call"],
                       lambda s: s.parent_span_id not in identifiers and s.name)
    verdicts.check_all("no span ends before it begins", spans, lambda s: s.end_time_unix_nano < s.start_time_unix_nano and s.name)
    verdicts.check_all("no span begins before its call", spans, lambda s: s.start_time_unix_nano + 2_000_000 < roots[0].start_time_unix_nano and s.name)
    kinds = trace_pb2.Span.SpanKind
    verdicts.check_all("every span has a kind", spans, lambda s: s.kind == kinds.SPAN_KIND_UNSPECIFIED and s.name)

    names = {pair.key for s in spans for pair in s.attributes} | {p.key for s in spans for e in s.events for p in e.attributes}
    names |= {a.key for r in resources for a in r.attributes}
    check("every attribute is in the conventions or begins with talkpath.", not {n for n in names if n not in known and not n.startswith("talkpath.")},
          sorted(n for n in names if n not in known and not n.startswith("talkpath.")))
    operations = {o.value for o in gen_ai.GenAiOperationNameValues}
    verdicts.check_all("every operation of a model is in the conventions", [values(s) for s in spans if "gen_ai.operation.name" in values(s)],
                       lambda v: v["gen_ai.operation.name"] not in operations and v)
    providers = {p.value for p in gen_ai.GenAiProviderNameValues}
    verdicts.check_all("every provider is in the conventions", [values(s) for s in spans if "gen_ai.provider.name" in values(s)],
                       lambda v: v["gen_ai.provider.name"] not in providers and v)
    outputs = {o.value for o in gen_ai.GenAiOutputTypeValues}
    verdicts.check_all("every output type is in the conventions", [values(s) for s in spans if "gen_ai.output.type" in values(s)],
                       lambda v: v["gen_ai.output.type"] not in outputs and v)
    found = [s.name for s in spans]
    wanted = ["ring", "connect", "turn", "turn.notice", "turn.think", "turn.audio", "end", "end.hang_up", "execute_tool opening_hours", "POST"]
    check("every part of the call has a span", all(any(f == w for f in found) for w in wanted), sorted(set(found)))
    check("the session with the model has the name of the conventions", any(f.startswith("invoke_agent") for f in found), sorted(set(found)))
    usage = values(roots[0]).get("gen_ai.usage.output_tokens")
    check("the call's span has the number of output tokens", isinstance(usage, int) and usage > 0, values(roots[0]))
    text = " ".join(body.decode() for _, body in collector.requests)
    check("no word, phone number or argument is in a trace", not re.search(r"\+1415|How can I help|nine to five|talkpath\.text|tool\.call\.arguments", text))

    def parents(receiver):
        return [headers.get("traceparent", "") for _, headers, _ in receiver.requests]

    for name, receiver, span in (("functions", functions, "execute_tool opening_hours"), ("webhooks", told, "POST")):
        below = {s.span_id.hex() for s in spans if s.name == span}
        given = parents(receiver)
        check(f"requests to {name} have their own span as parent", given and {p.split("-")[2] for p in given if p} <= below | {""} and any(given), given[:3])


async def begin(port, order, headers):
    headers = {"Authorization": f"Bearer {KEY}"} | headers
    url = f"http://127.0.0.1:{port}/api/calls"
    status, text = await asyncio.to_thread(request, "POST", url, order, headers)
    check("a call is placed", status == 201, (status, text))
    return status, json.loads(text)


async def ended(port, call):
    """Returns the record of a call that the agent has ended."""
    for _ in range(450):
        _, record = await api(port, "GET", f"/api/calls/{call}")
        if record.get("receipt"):
            return record
        await asyncio.sleep(0.1)
    raise RuntimeError(f"the call does not end: {record}")


async def metrics(port):
    headers = {"Authorization": f"Bearer {KEY}"}
    return (await asyncio.to_thread(request, "GET", f"http://127.0.0.1:{port}/metrics", None, headers))[1]


async def main(binary):
    async with Stage(binary) as stage, asyncio.timeout(240):
        collector = await Collector().start()
        functions = await Receiver(b'{"hours":"nine to five"}').start()
        told = await Receiver().start()
        play = ("--conversation", str(HERE / "conversation"))
        model = await stage.fake_model("openai", *play)
        port = free_port()
        carrier = await stage.fake_twilio(port, *play)
        await stage.server(
            port, carrier, OPENAI_REALTIME_URL=f"ws://127.0.0.1:{model}/v1/realtime",
            TALKPATH_WEBHOOK_URL=f"http://127.0.0.1:{told.port}/hook", TALKPATH_WEBHOOK_SECRET=SECRET,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}", OTEL_SERVICE_NAME="desk",
            OTEL_EXPORTER_OTLP_HEADERS="api-key=collector-key",
        )
        agent = {
            "instructions": "Be brief.", "may_end_call": True, "first_message": "How can I help you?",
            "tools": [{
                "name": "opening_hours", "description": "When a place is open.",
                "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
                "url": f"http://127.0.0.1:{functions.port}/hours",
            }],
        }
        _, call = await begin(port, {"to": "+14155550101", "agent": agent}, {"traceparent": PARENT})
        await ended(port, call["call_id"])
        await asyncio.sleep(5)
        judge(collector, functions, told)

        # Two faults: a collector that refuses requests, and a collector that is down.
        collector.status = 400
        _, call = await begin(port, {"to": "+14155550101", "agent": agent}, {})
        await ended(port, call["call_id"])
        await asyncio.sleep(3)
        page = await metrics(port)
        check("spans that the collector refuses are counted", re.search(r'spans_dropped_total\{reason="refused"\} [1-9]', page), page[-300:])
        collector.server.close()
        _, call = await begin(port, {"to": "+14155550101", "agent": agent}, {})
        record = await ended(port, call["call_id"])
        check("a call ends as usual while the collector is down", record["receipt"]["success"] is True, record["receipt"])
        if verdicts.bad:
            print("\n".join(stage.logs()))
    return 1 if verdicts.bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
