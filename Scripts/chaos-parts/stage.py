"""The stage of a trial of Scripts/chaos: three nodes on a schema of their own, nginx in front of them, the carrier, the
receiver of events, and the models. Every process that it starts ends with it."""
import asyncio
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import abuse
from carrier import ACCOUNT, OURS, TOKEN, Carrier, Receiver
from ports import free_port
from postgres import Cutter, bound
from wire import ask

HERE = os.path.dirname(os.path.abspath(__file__))


def nginx_program():
    # Distributions keep nginx in folders that only the administrator's path has.
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


class Unsettled(Exception):
    """A state that a trial waits for does not come."""


async def until(what, holds, seconds=30):
    """Waits until `holds`, which may be a coroutine's function, is true; returns its value."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = holds()
            if asyncio.iscoroutine(value):
                value = await value
        except OSError:
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise Unsettled(f"after {seconds:g} s: not {what}")
        await asyncio.sleep(0.02)


async def end(process, seconds=5):
    """Ends a process of ours."""
    if process and process.poll() is None:
        process.kill()
        await asyncio.get_running_loop().run_in_executor(None, process.wait, seconds)


class Node:
    def __init__(self, stage, number, database):
        self.stage, self.number, self.port = stage, number, free_port()
        self.folder = os.path.join(stage.folder, f"node-{number}")
        os.mkdir(self.folder)
        self.process, self.lives = None, 0
        self.environment = {
            "PATH": os.environ.get("PATH", ""), "OPENAI_API_KEY": "key", "TALKPATH_LOG_LEVEL": "notice",
            "OPENAI_REALTIME_URL": f"ws://127.0.0.1:{stage.model_port}/v1/realtime",
            "TALKPATH_DATABASE_URL": database, "TALKPATH_NODE_URL": f"http://127.0.0.1:{self.port}",
            "TALKPATH_NODE_SECRET": "the secret of all the nodes, long enough",
            "TALKPATH_PUBLIC_URL": f"http://127.0.0.1:{stage.port}", "TALKPATH_DATA_FOLDER": self.folder,
            "TALKPATH_MAX_CALLS_PER_SECOND": "10000", "TALKPATH_WEBHOOK_URL": f"http://127.0.0.1:{stage.receiver.port}/",
            "TALKPATH_WEBHOOK_SECRET": "whsec_" + "A" * 32, "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM_NUMBER": OURS, "TWILIO_API_BASE_URL": f"http://127.0.0.1:{stage.carrier.port}",
            "TALKPATH_DRAIN_TIMEOUT_S": "30", **stage.settings,
        }

    def start(self):
        self.lives += 1
        with open(f"{self.folder}.log", "ab") as log:
            self.process = subprocess.Popen(
                bound(abuse.program(), "serve", "--dev", "--port", str(self.port)), env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )

    def signal(self, number):
        self.process.send_signal(number)

    def ask(self, method, path, body=None, headers=(), timeout=20):
        return ask(self.port, method, path, body, headers, timeout)

    async def is_ready(self):
        if self.process.poll() is not None:
            raise Unsettled(f"node {self.number} has exited with {self.process.returncode}")
        return (await self.ask("GET", "/ready", timeout=3)).status == 200

    async def ready(self, seconds=60):
        await until(f"ready: node {self.number}", self.is_ready, seconds)

    async def gone(self, seconds):
        """Waits until the process has exited."""
        await until(f"gone: node {self.number}", lambda: self.process.poll() is not None, seconds)

    async def metric(self, name):
        """Returns the sum over all labels; 0 for an unknown metric."""
        body = (await self.ask("GET", "/metrics")).body.decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", body, re.M))

    async def active(self):
        return (await self.ask("GET", "/health")).json().get("active_calls")

    def log(self):
        with contextlib.suppress(OSError), open(f"{self.folder}.log", errors="replace") as file:
            return file.read()
        return ""


class Stage:
    """Made by `stage()`."""

    async def _start(self, postgres, models, settings, proxied):
        self.postgres, self.settings, self.model_port = postgres, settings, models
        self.folder = tempfile.mkdtemp(prefix="talkpath-chaos-")
        self.nodes, self.cutter, self.nginx, self.listening = [], None, None, None
        # Calls whose order was answered, or may have been carried out.
        self.placed, self.port = set(), free_port()
        self.carrier, self.receiver = await Carrier().open(), await Receiver().open()
        self.schema = await postgres.schema()
        if proxied:
            self.cutter = await Cutter(postgres.port).open()
        for number in range(3):
            port = self.cutter.port if proxied and number == 0 else None
            self.nodes.append(Node(self, number, postgres.url(self.schema, port)))
        self._balance()
        # The first one makes the tables.
        for node in self.nodes:
            node.start()
        await asyncio.gather(*(node.ready() for node in self.nodes))
        await self.all_seen()

    def _balance(self):
        """Starts nginx with the sample of deploy/, as one process, so that its end is the end of all of it."""
        with open(os.path.join(abuse.TOP, "deploy/nginx-nodes.conf")) as file:
            sample = file.read()

        def servers(match):
            return "".join(f"    server 127.0.0.1:{node.port}{match[1]};\n" for node in self.nodes)

        sample, count = re.subn(r"(?:    server node-\d:8080([^\n]*);\n)+", servers, sample)
        sample, more = re.subn(r"listen 8080;", f"listen 127.0.0.1:{self.port} backlog=2048;", sample)
        # A server with --dev refuses headers that only a proxy before other machines sets.
        sample, forwarded = re.subn(r"(?m)^ *proxy_set_header X-Forwarded-.*\n", "", sample)
        if (count, more, forwarded) != (2, 1, 2):
            raise RuntimeError("deploy/nginx-nodes.conf has another form than this script knows")
        folders = "".join(
            f"{name}_temp_path {self.folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as file:
            file.write(
                f"daemon off;\nmaster_process off;\npid {self.folder}/nginx.pid;\nerror_log {self.folder}/nginx.log;\n"
                f"worker_rlimit_nofile 16384;\nevents {{ worker_connections 8192; }}\n"
                f"http {{\naccess_log off;\n{folders}{sample}}}\n"
            )
        with open(f"{self.folder}/nginx.log", "ab") as log:
            self.nginx = subprocess.Popen(
                bound(nginx_program(), "-p", self.folder, "-c", path), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )

    async def _end(self):
        for process in [self.listening, self.nginx, *(node.process for node in self.nodes)]:
            await end(process)
        if self.cutter:
            await self.cutter.close()
        await self.carrier.close()
        await self.receiver.close()
        if os.environ.get("TALKPATH_CHAOS_KEEP"):
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # What trials do.

    async def all_seen(self):
        """Waits until every running node sees all running nodes, and no other."""
        running = [node for node in self.nodes if node.process.poll() is None]

        async def holds():
            for node in running:
                answer = (await node.ask("GET", "/api/nodes", timeout=3)).json()
                states = {one["id"]: one["state"] for one in answer.get("nodes", [])}
                if states != {f"127.0.0.1:{node.port}": "alive" for node in running}:
                    return False
                if await node.metric("talkpath_nodes") != len(running):
                    return False
            return True

        await until("all nodes seen by all", holds)

    async def create(self, port, key=None, **fields):
        """Orders a call. An order that got no answer may have been carried out, and is not judged by its name."""
        headers = [("Idempotency-Key", key)] if key else []
        # A number of its own for each order, by its key, so that the carrier's list tells them apart.
        digest = hashlib.sha1((key or os.urandom(8).hex()).encode()).digest()
        number = f"+1555{int.from_bytes(digest[:4], 'big') % 10_000_000:07d}"
        answer = await ask(port, "POST", "/api/calls", dict(fields, to=number), headers, 60)
        if 200 <= answer.status < 300:
            self.placed.add(answer.json()["call_id"])
        return answer

    async def place(self, count, node, talking=True):
        """Places calls on a node; waits until they talk, or ring."""
        answers = await asyncio.gather(*(self.create(node.port) for _ in range(count)))
        calls = [answer.json().get("call_id") for answer in answers]
        if None in calls:
            refused = next(answer for answer in answers if answer.status >= 300)
            raise Unsettled(f"a call was not placed: {refused.status} {refused.body[:200]}")

        def holds():
            legs = self.carrier.of(calls)
            return len(legs) == count and all((leg.sent > 5) if talking else leg.status == "ringing" for leg in legs)

        await until("talking" if talking else "ringing", holds)
        if talking:
            await until("in progress", lambda: self._all_in(calls, node, "in_progress"))
        return calls

    async def _all_in(self, calls, node, status):
        answers = await asyncio.gather(*(node.ask("GET", f"/api/calls/{call}") for call in calls))
        return all(answer.json().get("status") == status for answer in answers)

    async def hear(self, node):
        """Begins a call that listens to the agent's frames from a process of its own, with its call on that node."""
        answer = await node.ask("POST", "/api/web-calls", {})
        call = answer.json()
        self.placed.add(call["call_id"])
        self.listening = subprocess.Popen(
            bound(sys.executable, os.path.join(HERE, "listener.py"), str(node.port), call["media_path"], call["token"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )
        loop = asyncio.get_running_loop()
        if not (await loop.run_in_executor(None, self.listening.stdout.readline)).startswith(b"heard"):
            raise Unsettled("the listening caller hears nothing")
        return time.monotonic()

    async def heard(self, *times):
        """Ends the listening caller; returns the gaps between its frames in each stretch between the times."""
        listening, self.listening = self.listening, None
        loop = asyncio.get_running_loop()
        output, _ = await loop.run_in_executor(None, lambda: listening.communicate(b"\n", 20))
        arrivals = json.loads(output)
        stretches = []
        for begin, finish in zip(times, times[1:]):
            inside = [instant for instant in arrivals if begin <= instant <= finish]
            gaps = sorted((later - sooner) * 1000 for sooner, later in zip(inside, inside[1:]))
            stretches.append({
                "frames": len(inside), "p99_ms": abuse.percentile(gaps, 0.99) if gaps else None,
                "max_ms": round(gaps[-1], 1) if gaps else None,
            })
        return stretches

    async def records(self, node=None):
        """Returns the records of all ended calls, by name, as a node shows them."""
        node = node or next(node for node in self.nodes if node.process.poll() is None)
        calls, cursor = {}, None
        while True:
            path = "/api/calls?state=ended&limit=100" + (f"&cursor={cursor}" if cursor else "")
            page = (await node.ask("GET", path)).json()
            calls.update({call["call_id"]: call for call in page["calls"]})
            cursor = page.get("next_cursor")
            if not cursor:
                return calls

    async def lists(self, calls, reason, node):
        """True if a node shows that these calls have ended for that reason."""
        answers = await asyncio.gather(*(node.ask("GET", f"/api/calls/{call}") for call in calls))
        return all((answer.json().get("receipt") or {}).get("ended_reason") == reason for answer in answers)

    async def owners(self):
        """Returns the number of the node that began each call."""
        rows = await self.postgres.sql("SELECT calls.id, nodes.id FROM calls JOIN nodes ON epoch = owner", self.schema)
        numbers = {f"127.0.0.1:{node.port}": node.number for node in self.nodes}
        return {call: numbers.get(node) for call, node in rows}

    async def told(self):
        """Waits until all events are delivered, so that a node that dies has no delivery under way."""
        async def holds():
            return not await self.postgres.sql("SELECT 1 FROM deliveries LIMIT 1", self.schema)

        await until("told: all events", holds)

    async def taken(self):
        """Returns the calls whose end waits, written, behind a delivery that a node has begun."""
        rows = await self.postgres.sql(
            "SELECT call_id FROM events WHERE type = 'call.ended' AND call_id IN (SELECT call_id FROM events "
            "JOIN deliveries ON event = number WHERE taken_until IS NOT NULL)", self.schema,
        )
        return {call for (call,) in rows}

    async def judge(self, lost=(), seconds=100, skips_taken=False):
        """Waits until nothing goes on any more; returns what is wrong then, as sentences.

        `lost` holds the calls that may have ended as `node_lost`. A delivery that a killed node had begun is made by
        another one after a minute, and by one that looks for work each half minute. `skips_taken` does not wait for these.
        """
        wrong = []
        calls = {}

        async def settled():
            nonlocal calls
            calls = await self.records()
            up = {leg.call_id for leg in self.carrier.calls.values()} | self.placed
            wanted = {call for call in up if call} | set(calls)
            if self.carrier.up() or not wanted <= set(calls):
                return False
            return wanted <= set(self.receiver.ends) | (await self.taken() if skips_taken else set())

        try:
            await until("settled", settled, seconds)
        except Unsettled:
            pass
        for leg in self.carrier.up():
            wrong.append(f"the carrier still has the call {leg.call_id} ({leg.status}, orders to hang up: {leg.orders})")
        legs = {leg.call_id for leg in self.carrier.calls.values() if leg.call_id}
        for call in sorted((self.placed | legs) - set(calls)):
            wrong.append(f"the call {call} has no record of its end")
        taken = await self.taken() if skips_taken else set()
        for call, record in sorted(calls.items()):
            ends = self.receiver.ends.get(call, {})
            if len(ends) != 1 and not (call in taken and not ends):
                wrong.append(f"the call {call} has {len(ends)} events call.ended")
            reason = (record.get("receipt") or record).get("ended_reason")
            told = {end.get("ended_reason") for end in ends.values()}
            if told - {reason}:
                wrong.append(f"the call {call} ended as {reason}, and was told as {sorted(map(str, told))}")
            if reason == "node_lost" and call not in lost:
                wrong.append(f"the call {call} of a living node was taken as lost")
        for call in sorted(set(self.receiver.ends) - set(calls)):
            wrong.append(f"the call {call} was told as ended, and has no record")
        return [await self._explained(sentence) for sentence in wrong[:20]]

    async def _explained(self, sentence):
        """Adds what the database knows of the call that a sentence names."""
        found = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", sentence)
        if not found:
            return sentence
        rows = await self.postgres.sql(
            f"""SELECT 'call', row_to_json(c)::text FROM (SELECT status, carrier_call_id, started_at, ended_at, owner FROM calls
            WHERE id = '{found[0]}') c UNION ALL SELECT 'hang-up', row_to_json(h)::text FROM hang_ups h
            WHERE call_id = '{found[0]}' UNION ALL SELECT 'place', row_to_json(p)::text FROM call_places p
            WHERE call_id = '{found[0]}' UNION ALL SELECT 'event', row_to_json(e)::text FROM (SELECT events.id, type, at,
            deliveries.due_at, taken_until, attempts FROM events LEFT JOIN deliveries ON event = number
            WHERE call_id = '{found[0]}') e""", self.schema,
        )
        return f"{sentence}; the database has {rows}"


@contextlib.asynccontextmanager
async def stage(postgres, models, settings=(), proxied=False):
    """Runs a stage until the block ends. `proxied` puts a proxy between the first node and the database."""
    it = Stage()
    try:
        await it._start(postgres, models, dict(settings), proxied)
        yield it
    except BaseException:
        for node in getattr(it, "nodes", []):
            tail = node.log()[-1500:]
            if tail:
                print(f"-- the log of node {node.number}\n{tail}", file=sys.stderr)
        raise
    finally:
        await it._end()
