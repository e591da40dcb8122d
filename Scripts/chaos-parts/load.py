"""Trials of Scripts/chaos under a steady load of calls through nginx: callers who dial in, and calls that are ordered."""
import asyncio
import collections
import random
import signal
import time

from stage import Unsettled, stage, until
from trials import expect


class Load:
    """Customers who have one call after the other until `stop()`. Half of the calls end by their caller, half by the API."""

    def __init__(self, it, seed, customers, talk=(0.3, 2.5)):
        self.it, self.talk, self.is_over, self.wrong = it, talk, False, []
        self.counts = collections.Counter()
        self.work = [asyncio.ensure_future(self._customer(random.Random(f"{seed}/{one}"))) for one in range(customers)]

    async def stop(self):
        """Lets the calls end; returns what is wrong."""
        self.is_over = True
        await asyncio.gather(*self.work)
        return self.wrong

    def cancel(self):
        for task in self.work:
            task.cancel()

    async def _customer(self, choose):
        while not self.is_over:
            dials_in, by_caller = choose.random() < 0.5, choose.random() < 0.5
            seconds, key = choose.uniform(*self.talk), f"{choose.getrandbits(64):x}"
            leg = self.it.carrier.dial_in(self.it.port) if dials_in else await self._order(key)
            self.counts["dialled_in" if dials_in else "ordered"] += 1
            if leg is None:
                # Refused for now, as the customer was told.
                self.counts["not_placed"] += 1
                await asyncio.sleep(0.2)
                continue
            # A call that gets no media is ended, too.
            try:
                await until("talking", lambda: leg.sent > 5 or leg.over.is_set() or leg.lost, 15)
            except Unsettled:
                self.counts["silent"] += 1
            try:
                await asyncio.wait_for(leg.over.wait(), seconds)
            except asyncio.TimeoutError:
                pass
            if by_caller or leg.call_id is None:
                self.it.carrier.hang_up(leg)
            elif not leg.over.is_set():
                await self._end(leg, choose)

    async def _order(self, key):
        """Orders a call; an order without a clear answer is repeated under its key. Returns the carrier's leg."""
        for _ in range(12):
            try:
                answer = await self.it.create(self.it.port, key)
            except OSError:
                self.counts["unanswered"] += 1
            else:
                if answer.status < 300:
                    call = answer.json()["call_id"]
                    legs = self.it.carrier.of([call])
                    if legs:
                        return legs[0]
                    # Placed by an order whose answer got lost, and over.
                    return None
                self.counts[f"answered_{answer.status}"] += 1
            await asyncio.sleep(0.3)
        return None

    async def _end(self, leg, choose):
        finish, last = time.monotonic() + 40, None
        while time.monotonic() < finish:
            try:
                node = choose.choice(self.it.nodes)
                answer = await node.ask("POST", f"/api/calls/{leg.call_id}/end", {}, timeout=15)
                last = f"{answer.status} {answer.body[:120]}"
                if answer.status == 200 or answer.json().get("code") == "call_already_ended":
                    self.counts["ended"] += 1
                    return
                self.counts[f"end_answered_{answer.status}"] += 1
            except OSError as error:
                last = str(error)
            await asyncio.sleep(0.2)
        self.wrong.append(f"the call {leg.call_id} could not be ended: {last}")


async def rolling(chaos):
    """The nodes stop and start one after another under load through nginx."""
    wrong, stops = [], []
    async with stage(chaos.postgres, chaos.echo) as it:
        load = Load(it, chaos.seed, 6 if chaos.short else 16)
        try:
            await until("a load", lambda: sum(leg.sent > 5 for leg in it.carrier.up()) >= (3 if chaos.short else 8))
            # One call lasts from the beginning to the end on a node that stops last, and its media pass the one that
            # stops first.
            it.carrier.way = lambda call, port: it.nodes[0].port if call.call_id in relayed else port
            relayed = set()
            for number, node in enumerate(it.nodes):
                if number == 0:
                    answer = await it.create(it.nodes[2].port)
                    relayed.add(answer.json()["call_id"])
                    (long,) = it.carrier.of(relayed)
                    await until("a relayed call", lambda: long.sent > 5)
                served = sum(load.counts.values())
                began = time.monotonic()
                node.signal(signal.SIGTERM)
                if number == 0:
                    async def drains():
                        return (await node.ask("GET", "/ready")).json().get("status") == "draining"

                    await until("draining", drains)
                    sent = long.sent
                    await until("the relayed call goes on", lambda: long.sent > sent + 50 or long.lost)
                    expect(wrong, not long.lost, f"the relayed call was cut: {long.lost}")
                    it.carrier.hang_up(long)
                await node.gone(45)
                stops.append(round(time.monotonic() - began, 2))
                expect(wrong, node.process.returncode == 0, f"a node exited with {node.process.returncode}")
                # The others serve meanwhile.
                await until("served by the others", lambda: sum(load.counts.values()) > served + 2)
                node.start()
                await node.ready()
                await it.all_seen()

                # The balancer leaves a node for two seconds, and knows nothing of its return before it asks again.
                async def serves(node=node):
                    return await node.metric("talkpath_calls_started_total") > 0

                await until("served by the node that is back", serves)
            wrong += await load.stop()
        finally:
            load.cancel()
        legs = list(it.carrier.calls.values())
        for leg in legs:
            expect(wrong, not leg.refused, f"a call was refused: {leg.refused}")
            expect(wrong, not leg.lost, f"the call {leg.call_id} was cut: its media socket was {leg.lost}")
        expect(wrong, not load.counts["not_placed"], "orders were refused for good")
        wrong += await it.judge(skips_taken=chaos.short)
        reasons = collections.Counter(
            (record.get("receipt") or record).get("ended_reason") for record in (await it.records()).values()
        )
        bad = set(reasons) - {"caller_hangup", "ended_by_api"}
        expect(wrong, not bad, f"calls ended as {sorted(map(str, bad))}")
        figures = {
            "calls": len(legs), "reasons": dict(reasons), "stops_s": stops, "load": dict(load.counts),
            "failed_callbacks": it.carrier.failed_callbacks, "events_again": it.receiver.again,
        }
    return figures, wrong


class Faults:
    """The faults of mix. Each lasts until everything stands again."""

    def __init__(self, it, chaos, choose):
        self.it, self.postgres, self.choose, self.lost, self.unwritten = it, chaos.postgres, choose, set(), []

    async def _owned(self, node):
        rows = await self.postgres.sql(
            "SELECT calls.id FROM calls JOIN nodes ON epoch = owner WHERE ended_at IS NULL AND "
            f"nodes.id = '127.0.0.1:{node.port}'", self.it.schema,
        )
        return {call for (call,) in rows}

    async def may_be_lost(self):
        """Returns the calls that nodes had when they were killed or paused."""
        for begin, finish, written in self.unwritten:
            rows = await self.postgres.sql(
                f"SELECT id FROM calls WHERE started_at BETWEEN {begin * 1000:.0f} AND {finish * 1000:.0f}", self.it.schema
            )
            self.lost |= {call for (call,) in rows} - written
        return self.lost

    async def _well(self):
        await asyncio.gather(*(node.ready() for node in self.it.nodes))
        await self.it.all_seen()

    async def kill(self):
        node = self.choose.choice(self.it.nodes)
        node.signal(signal.SIGKILL)
        await node.gone(5)
        self.lost |= await self._owned(node)
        await self.it.all_seen()
        node.start()

    async def pause(self):
        node = self.choose.choice(self.it.nodes)
        lives = await node.metric("talkpath_node_epochs_lost_total")
        paused = time.time()
        node.signal(signal.SIGSTOP)
        try:
            self.lost |= await self._owned(node)
            written = {call for (call,) in await self.postgres.sql("SELECT id FROM calls", self.it.schema)}
            one = next(other for other in self.it.nodes if other is not node)

            async def missed():
                return await one.metric("talkpath_nodes") == 2

            await until("missed", missed)
        finally:
            woken = time.time()
            node.signal(signal.SIGCONT)
        # Calls that it had begun, and could not write any more.
        self.unwritten.append((paused - 5, paused + 0.1, written))

        async def noticed():
            return await node.metric("talkpath_node_epochs_lost_total") == lives + 1

        await until("noticed", noticed)
        # Calls that it began before it noticed: it lets them go with the others.
        self.unwritten.append((woken, time.time(), set()))

    async def restart_database(self):
        await self.postgres.stop()
        await self.postgres.start()

    async def lose_database(self):
        await self.postgres.stop()
        try:
            await asyncio.sleep(self.choose.uniform(1, 5))
        finally:
            await self.postgres.start()

    async def cut(self):
        self.it.cutter.cut()
        try:
            await asyncio.sleep(self.choose.uniform(1, 6))
        finally:
            self.it.cutter.mend()

    async def restart(self):
        node = self.choose.choice(self.it.nodes)
        node.signal(signal.SIGTERM)
        await node.gone(45)
        node.start()

    async def run(self, name):
        await getattr(self, name)()
        await self._well()


NAMES = ["kill", "pause", "restart_database", "lose_database", "cut", "restart"]


async def mix(chaos):
    """Faults in a random order, under load."""
    choose, done = random.Random(chaos.seed), []
    async with stage(chaos.postgres, chaos.echo, proxied=True) as it:
        load, faults = Load(it, chaos.seed, 6 if chaos.short else 16), Faults(it, chaos, choose)
        try:
            finish = time.monotonic() + chaos.seconds
            while time.monotonic() < finish:
                name = choose.choice(NAMES)
                done.append(name)
                await faults.run(name)
                await asyncio.sleep(choose.uniform(0, 1.5))
            wrong = await load.stop()
        except (Unsettled, OSError) as error:
            raise Unsettled(f"seed {chaos.seed}, after {done}: {error}") from error
        finally:
            load.cancel()
        wrong += await it.judge(lost=await faults.may_be_lost(), skips_taken=chaos.short)
        reasons = collections.Counter(
            (record.get("receipt") or record).get("ended_reason") for record in (await it.records()).values()
        )
        figures = {
            "seed": chaos.seed, "faults": done, "calls": len(it.carrier.calls), "reasons": dict(reasons),
            "load": dict(load.counts), "events_again": it.receiver.again,
            "orders_again": sum(max(0, leg.orders - 1) for leg in it.carrier.calls.values()),
        }
    return figures, wrong
