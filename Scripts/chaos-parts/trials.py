"""The trials of Scripts/chaos, each on a stage of its own. A trial returns its figures and what is wrong, as sentences."""
import asyncio
import collections
import random
import signal
import time

import abuse
from stage import Unsettled, stage, until


def ms(values, share):
    return abuse.percentile(sorted(value * 1000 for value in values), share) if values else None


def tally(values):
    return dict(sorted(collections.Counter(map(str, values)).items()))


def expect(wrong, holds, sentence):
    if not holds:
        wrong.append(sentence)


async def caps(chaos):
    """Creates raced over all nodes under a limit of ten, one key raced over all, and lists of 10,000 calls."""
    count, wrong = 60 if chaos.short else 600, []
    async with stage(chaos.postgres, chaos.echo, {"TALKPATH_MAX_CALLS_PER_TENANT": "10"}) as it:
        answers = await asyncio.gather(*(it.create(it.nodes[number % 3].port) for number in range(count)))
        statuses = tally(answer.status for answer in answers)
        passed = [answer for answer in answers if answer.status < 300]
        expect(wrong, len(passed) == 10, f"{len(passed)} of {count} creates passed a limit of ten")
        expect(wrong, len(it.carrier.calls) == 10, f"the carrier was ordered {len(it.carrier.calls)} calls")
        refused = {answer.status for answer in answers} - {passed[0].status if passed else 0}
        expect(wrong, refused == {429}, f"creates were refused with {sorted(refused)}")
        # The order of one of the ten is repeated: its place is used again, and no second one.
        await it.nodes[1].ask("POST", "/api/calls/end", {"all": True})
        await until("ten ended calls", lambda: not it.carrier.up())
        key = f"key-{random.randrange(1 << 40)}"
        raced = await asyncio.gather(*(it.create(it.nodes[number % 3].port, key) for number in range(count // 2)))
        names = {answer.json().get("call_id") for answer in raced if answer.status < 300}
        expect(wrong, len(names) == 1, f"one key made {len(names)} calls")
        expect(wrong, len(it.carrier.calls) == 11, f"one key ordered {len(it.carrier.calls) - 10} calls")
        again = await it.create(it.nodes[2].port, key)
        expect(wrong, again.json().get("call_id") in names, f"the key's call was not told again: {again.body[:200]}")
        alone = []
        for number in range(6 if chaos.short else 60):
            answer = await it.create(it.nodes[number % 3].port)
            alone.append(answer.seconds)
            await it.nodes[0].ask("POST", f"/api/calls/{answer.json().get('call_id')}/end", {})
        await it.nodes[0].ask("POST", "/api/calls/end", {"all": True})
        wrong += await it.judge()
        lists = [] if chaos.short else await long_list(it)
    return {
        "creates": count, "passed": len(passed), "statuses": statuses,
        "raced_key": tally(answer.status for answer in raced),
        "create_p50_ms": ms(alone, 0.5), "create_p99_ms": ms(alone, 0.99),
        "raced_p99_ms": ms([answer.seconds for answer in answers], 0.99),
        "list_p50_ms": ms(lists, 0.5), "list_p99_ms": ms(lists, 0.99),
    }, wrong


async def long_list(it, calls=10_000):
    """Fills the table with copies of an ended call; returns the seconds of lists of a hundred, at random places."""
    columns = await it.postgres.sql(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'calls' AND table_schema = "
        f"'{it.schema}'", it.schema,
    )
    names = [name for (name,) in columns]
    # Each copy began a second before the one before.
    values = {"id": "'copy-' || n", "carrier_call_id": "NULL", "started_at": "started_at - 1000 * n"}
    await it.postgres.sql(
        f"INSERT INTO calls ({', '.join(names)}) SELECT {', '.join(values.get(name, name) for name in names)} "
        f"FROM (SELECT * FROM calls WHERE ended_at IS NOT NULL LIMIT 1) one, generate_series(1, {calls}) n;"
        "INSERT INTO records SELECT 'copy-' || n, record FROM (SELECT record FROM records LIMIT 1) one, "
        f"generate_series(1, {calls}) n; ANALYZE", it.schema,
    )
    seconds, cursor = [], ""
    for number in range(90):
        answer = await it.nodes[number % 3].ask("GET", f"/api/calls?state=ended&limit=100{cursor}")
        seconds.append(answer.seconds)
        cursor = f"&cursor={answer.json()['next_cursor']}"
    return seconds


async def ends(chaos):
    """Ends asked of the node that has the call, and of another one, in turn."""
    count, wrong = 8 if chaos.short else 60, []
    seconds = {"owner": [], "foreign": []}
    async with stage(chaos.postgres, chaos.echo) as it:
        for batch in range(0, count, 20):
            calls = await it.place(min(20, count - batch), it.nodes[0])
            for number, call in enumerate(calls):
                node = it.nodes[0] if number % 2 == 0 else it.nodes[1 + number // 2 % 2]
                answer = await node.ask("POST", f"/api/calls/{call}/end", {})
                receipt = answer.json()
                good = (receipt.get("ended_reason"), receipt.get("call_id")) == ("ended_by_api", call)
                expect(wrong, good and answer.status == 200, f"an end was answered with {answer.status}: {answer.body[:200]}")
                seconds["owner" if node is it.nodes[0] else "foreign"].append(answer.seconds)
        for leg in it.carrier.calls.values():
            expect(wrong, leg.orders == 1, f"{leg.orders} orders to hang up one call")
        forwarded = await it.nodes[1].metric("talkpath_requests_forwarded_total")
        wrong += await it.judge()
    more = round(ms(seconds["foreign"], 0.5) - ms(seconds["owner"], 0.5), 2)
    expect(wrong, chaos.untimed or more <= 5, f"an end by another node takes {more} ms more")
    return {
        "calls": count, "owner_p50_ms": ms(seconds["owner"], 0.5), "owner_p99_ms": ms(seconds["owner"], 0.99),
        "foreign_p50_ms": ms(seconds["foreign"], 0.5), "foreign_p99_ms": ms(seconds["foreign"], 0.99), "more_ms": more,
        "forwarded_by_second": forwarded,
    }, wrong


def spread(it, first):
    """Leads the media sockets of a node's calls to all nodes in turn, so that two thirds are relayed; others' past it."""
    turns = {}

    def way(call, port):
        if call.call_id not in turns:
            turns[call.call_id] = len(turns)
        return it.nodes[(first + turns[call.call_id]) % 3].port

    return way


async def kill(chaos):
    """A node is killed under talking and ringing calls."""
    count, wrong = 4 if chaos.short else 24, []
    async with stage(chaos.postgres, chaos.talk) as it:
        dead, others = it.nodes[0], it.nodes[1:]
        it.carrier.way = spread(it, 0)
        lost = await it.place(count, dead)
        # The sockets of others' calls do not pass the node that dies.
        it.carrier.way = lambda call, port: it.nodes[2].port
        kept = await it.place(3, others[0])
        # No socket tells that the node of a ringing call has died.
        it.carrier.rings_on = True
        ringing = await it.place(2, dead, talking=False)
        it.carrier.rings_on = False
        begun = await it.hear(others[0])
        await asyncio.sleep(0.5 if chaos.short else 5)
        await it.told()
        killed = time.monotonic()
        dead.signal(signal.SIGKILL)
        lost_legs = it.carrier.of(lost + ringing)
        await until("hung up: the calls of the killed node", lambda: all(leg.over.is_set() for leg in lost_legs))
        took = max(leg.ended_at for leg in lost_legs) - killed
        expect(wrong, chaos.untimed or took < 5, f"the calls of the killed node were hung up after {took:.1f} s")
        await until("closed as node_lost", lambda: it.lists(lost + ringing, "node_lost", others[1]))
        await until("events of the lost calls", lambda: set(lost + ringing) <= set(it.receiver.ends))
        for leg in lost_legs:
            expect(wrong, leg.orders == 1, f"{leg.orders} orders to hang up one lost call")
        (before, during) = await it.heard(begun, killed, time.monotonic())
        expect(wrong, during["frames"] > 0, "the listening caller of a living node heard nothing")
        wrong += await go_on(it, kept)
        answers = await asyncio.gather(*(others[1].ask("POST", f"/api/calls/{call}/end", {}) for call in kept))
        expect(wrong, {answer.status for answer in answers} == {200}, "the others' calls could not be ended")
        dead.start()
        await dead.ready()
        await it.all_seen()
        await it.place(1, dead)
        await others[0].ask("POST", "/api/calls/end", {"all": True})
        wrong += await it.judge(lost=lost + ringing)
        again = it.receiver.again
    return {
        "lost": len(lost_legs), "hung_up_after_s": round(took, 2), "events_again": again, "heard_before": before,
        "heard_meanwhile": during,
    }, wrong


async def go_on(it, calls):
    """Waits until these calls have more frames in both directions; returns what is wrong."""
    legs = it.carrier.of(calls)
    counts = {leg.sid: leg.frames for leg in legs}
    try:
        await until("frames go on", lambda: all(leg.frames > counts[leg.sid] + 20 for leg in legs), 10)
    except Unsettled:
        pass
    return [
        f"the call {leg.call_id} does not go on: {leg.status}, socket {leg.lost or 'open'}, {leg.orders} orders"
        for leg in legs if leg.frames <= counts[leg.sid] + 20
    ]


async def stop(chaos):
    """A node is paused by SIGSTOP until its calls are lost, and wakes."""
    count, wrong = 4 if chaos.short else 12, []
    async with stage(chaos.postgres, chaos.talk) as it:
        paused, others = it.nodes[0], it.nodes[1:]
        it.carrier.way = spread(it, 0)
        lost = await it.place(count, paused)
        it.carrier.way = lambda call, port: it.nodes[2].port
        kept = await it.place(3, others[0])
        await it.told()
        began = time.monotonic()
        paused.signal(signal.SIGSTOP)
        try:
            lost_legs = it.carrier.of(lost)
            await until("hung up: the calls of the paused node", lambda: all(leg.over.is_set() for leg in lost_legs))
            took = max(leg.ended_at for leg in lost_legs) - began
            await until("closed as node_lost", lambda: it.lists(lost, "node_lost", others[1]))
            await asyncio.sleep(0 if chaos.short else max(0, began + 10 - time.monotonic()))
        finally:
            paused.signal(signal.SIGCONT)
        woken = time.monotonic()

        async def noticed():
            return await paused.metric("talkpath_node_epochs_lost_total") == 1 and await paused.active() == 0

        await until("noticed and let go", noticed)
        let_go = time.monotonic() - woken
        await paused.ready()
        await it.all_seen()
        # The node that wakes may order it once more: the call is over by then.
        for leg in lost_legs:
            expect(wrong, 1 <= leg.orders <= 2, f"{leg.orders} orders to hang up one lost call")
        wrong += await go_on(it, kept)
        await it.place(1, paused)
        await others[1].ask("POST", "/api/calls/end", {"all": True})
        wrong += await it.judge(lost=lost)
        orders = sum(leg.orders for leg in lost_legs)
        again = it.receiver.again
    return {
        "lost": count, "orders": orders, "hung_up_after_s": round(took, 2), "let_go_after_s": round(let_go, 2),
        "events_again": again,
    }, wrong


async def database(chaos):
    """The database restarts at once, and then is away for a while, under live calls on all nodes."""
    wrong, postgres = [], chaos.postgres
    async with stage(postgres, chaos.talk) as it:
        first, second, third = it.nodes
        calls = [await it.place(1 if chaos.short else 4, node) for node in it.nodes]
        everything = sum(calls, [])
        more = await it.place(2, first)
        begun = await it.hear(second)
        await asyncio.sleep(0.5 if chaos.short else 5)
        restarted = time.monotonic()
        await postgres.stop()
        await postgres.start()
        await asyncio.gather(*(node.ready() for node in it.nodes))
        back = time.monotonic()
        wrong += await go_on(it, everything + more)

        away = time.monotonic()
        await postgres.stop()
        try:
            refusals = []
            for node in it.nodes:
                async def refused(node=node):
                    answer = await it.create(node.port)
                    return answer if answer.status != 201 else None

                answer = await until("refused: a create", refused)
                refusals.append(answer)
                good = answer.status == 503 and "retry-after" in answer.headers
                expect(wrong, good, f"a create was answered with {answer.status} {answer.headers.get('retry-after')}")
            cut_off = "talkpath_node_cut_off"
            for node in it.nodes:
                async def knows(node=node):
                    return await node.metric(cut_off) == 1

                await until("cut off", knows)
            ended = await first.ask("POST", f"/api/calls/{more[0]}/end", {})
            expect(wrong, ended.status == 200, f"an end was answered with {ended.status}: {ended.body[:200]}")
            foreign = await second.ask("POST", f"/api/calls/{calls[0][0]}/end", {})
            (leg,) = it.carrier.of([more[1]])
            it.carrier.hang_up(leg)
            remaining = everything if foreign.status != 200 else everything[1:]

            async def over():
                return await first.active() == len([call for call in calls[0] if call in remaining])

            await until("over: the caller who hung up", over)
            wrong += await go_on(it, remaining)
            await asyncio.sleep(max(0, away + (3.5 if chaos.short else 8) - time.monotonic()))
        finally:
            await postgres.start()
        started = time.monotonic()
        await asyncio.gather(*(node.ready() for node in it.nodes))
        ready_after = time.monotonic() - started
        await until("written: the end by the API", lambda: it.lists(more[:1], "ended_by_api", third))
        await until("written: the caller's end", lambda: it.lists(more[1:], "caller_hangup", third))
        written_after = time.monotonic() - started
        # Leases that ran out meanwhile must not count: look on for longer than a lease and its grace.
        await asyncio.sleep(4)
        wrong += await go_on(it, remaining)
        stretches = await it.heard(begun, restarted, back, away, started)
        for number, call in enumerate(remaining):
            answer = await it.nodes[number % 3].ask("POST", f"/api/calls/{call}/end", {})
            expect(wrong, answer.status == 200, f"an end was answered with {answer.status}: {answer.body[:200]}")
        wrong += await it.judge()
        again = it.receiver.again
    return {
        "calls": len(everything) + 2, "restart_s": round(back - restarted, 2), "away_s": round(started - away, 2),
        "ready_after_s": round(ready_after, 2), "written_after_s": round(written_after, 2),
        "foreign_end_meanwhile": foreign.status, "refusals": tally(answer.status for answer in refusals),
        "events_again": again, "heard_before": stretches[0], "heard_while_away": stretches[3],
    }, wrong


async def cut(chaos):
    """One node is cut off from the database: its bytes vanish, and its connections stay."""
    wrong = []
    async with stage(chaos.postgres, chaos.talk, proxied=True) as it:
        lonely, second, third = it.nodes
        it.carrier.way = spread(it, 0)
        calls = await it.place(3 if chaos.short else 12, lonely)
        kept = await it.place(2, second)
        began = time.monotonic()
        it.cutter.cut()

        async def silent():
            nodes = (await second.ask("GET", "/api/nodes")).json()["nodes"]
            own = [node for node in nodes if node["id"] == f"127.0.0.1:{lonely.port}"]
            return own and own[0]["state"] == "silent" and own[0]["silent_ms"] > (4000 if chaos.short else 10_000)

        await until("silent", silent)

        async def knows():
            return await lonely.metric("talkpath_node_cut_off") == 1

        await until("cut off", knows)
        noticed = time.monotonic() - began
        wrong += await go_on(it, calls + kept)
        # The end waits for its record, which cannot be written, as long as an end may.
        answers = await asyncio.gather(
            *(it.nodes[1 + number].ask("POST", f"/api/calls/{call}/end", {}) for number, call in enumerate(calls[:2]))
        )
        for answer in answers:
            expect(wrong, answer.status == 200, f"an end through a peer was answered with {answer.status}: {answer.body[:200]}")
        refusal = await it.create(lonely.port)
        expect(
            wrong, refusal.status == 503 and "retry-after" in refusal.headers,
            f"a create at the lonely node was answered with {refusal.status}",
        )
        expect(
            wrong, chaos.untimed or refusal.seconds < 2, f"the lonely node refused a create after {refusal.seconds:.1f} s"
        )
        wrong += await go_on(it, calls[2:] + kept)
        mended = time.monotonic()
        it.cutter.mend()
        await lonely.ready()
        back = time.monotonic() - mended
        await it.all_seen()
        wrong += await go_on(it, calls[2:] + kept)
        lives = await lonely.metric("talkpath_node_epochs_lost_total")
        expect(wrong, lives == 0, "the node's calls were taken while it answered")
        for call in calls[2:] + kept:
            answer = await third.ask("POST", f"/api/calls/{call}/end", {})
            expect(wrong, answer.status == 200, f"an end was answered with {answer.status}: {answer.body[:200]}")
        wrong += await it.judge()
        again = it.receiver.again
    return {
        "calls": len(calls) + len(kept), "noticed_after_s": round(noticed, 2), "back_after_s": round(back, 2),
        "ended_after_s": round(max(answer.seconds for answer in answers), 2),
        "refused_after_s": round(refusal.seconds, 2), "events_again": again,
    }, wrong
