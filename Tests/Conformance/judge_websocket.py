#!/usr/bin/env python3
"""The cases of Autobahn's test suite, in the package `kosoku`, judge the WebSockets of calls, as server and as client.

    judge_websocket.py TALKPATH-BENCH  the executable

`talkpath-bench echo` uses those sockets and sends every message back. The cases run over a plain connection; then with
the first frames in one segment with the answer to the handshake; then with every byte in a segment of its own.
The package `websockets` is the second judge. Exits with 1 if one of them finds a fault.
"""

import asyncio
import contextlib
import os
import sys

import kosoku
import websockets

from relay import Relay
from stage import Stage, verdicts
from wire import free_port

check = verdicts.check
# The sockets do not use compression, and these cases test only that.
COMPRESSION = ["12.*", "13.*"]
# Messages of megabytes, which test speed.
LARGE = ["9.*"]
SMALL_CASES, LARGE_CASES = 247, 54
LIMIT = 120


def judge(name, results, count):
    faults = [(one.case_id, one.behavior.value, one.behavior_close.value, one.expectation) for one in results if not one.passed]
    check(f"websocket: {name}: {len(results) - len(faults)} of {count} cases pass", len(results) == count and not faults, faults[:5])


async def as_server(stage, name, exclude, count, relay=None):
    port = free_port()
    await stage.run("echo", "--port", str(port), port=port)
    if relay:
        port = (await Relay(port, **relay).start()).port
    try:
        results = await asyncio.wait_for(
            kosoku.run_fuzzingclient(f"127.0.0.1:{port}", None, exclude, concurrency=4), LIMIT)
    except kosoku.FailureError as failure:
        results = failure.results
    judge(name, results, count)


async def as_client(stage, name, exclude, count, relay=None):
    async with kosoku.run_fuzzingserver(None, exclude, host="127.0.0.1", port=0) as server:
        port = server.port
        if relay:
            port = (await Relay(port, **relay).start()).port
        url = f"ws://127.0.0.1:{port}"
        async with websockets.connect(f"{url}/getCaseCount") as socket:
            told = int(await socket.recv())
        process = await asyncio.create_subprocess_exec(
            stage.binary, "echo", "--cases", str(told), "--against",
            f"{url}/runCase?case={{case}}&agent=talkpath")
        stage.processes.append(process)
        status = await asyncio.wait_for(process.wait(), LIMIT)
        check(f"websocket: {name}: the client runs every case", status == 0, status)
        async with websockets.connect(f"{url}/updateReports?agent=talkpath") as socket:
            with contextlib.suppress(websockets.ConnectionClosed):
                await socket.recv()
        try:
            results = await asyncio.wait_for(server.get_result(), 20)
        except kosoku.FailureError as failure:
            results = failure.results
    judge(name, results, count)


async def second(stage):
    """Sends messages, fragments and pings with the package `websockets`. Our server and our client must send them back."""
    messages = ["", "a", "ä€😀" * 100, "x" * 125, "x" * 126, "x" * 65_535, "x" * 65_536, os.urandom(1 << 20), b""]

    async def converse(socket):
        for message in messages:
            await socket.send(message)
            if await socket.recv() != message:
                return message[:20]
        await socket.send(["a ", "", "message ", "in pieces"])
        if await socket.recv() != "a message in pieces":
            return "pieces"
        await asyncio.wait_for(await socket.ping(b"?" * 125), 5)
        await socket.close(4000, "done")
        return (socket.close_code, socket.close_reason) if socket.close_code != 4000 else None

    port = free_port()
    await stage.run("echo", "--port", str(port), port=port)
    async with websockets.connect(f"ws://127.0.0.1:{port}", max_size=None, compression="deflate") as socket:
        fault = await converse(socket)
    check("websocket: our server echoes the messages of the package websockets", fault is None, fault)
    outcome = asyncio.get_running_loop().create_future()

    async def serve(socket):
        outcome.set_result(await converse(socket))

    async with websockets.serve(serve, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            stage.binary, "echo", "--against", f"ws://127.0.0.1:{port}/")
        stage.processes.append(process)
        fault = await asyncio.wait_for(outcome, 20)
        check("websocket: our client echoes the messages of the package websockets", fault is None, fault)
        check("websocket: our client exits with status 0 after the close", await asyncio.wait_for(process.wait(), 10) == 0, process.returncode)


async def main(binary):
    every, small = SMALL_CASES + LARGE_CASES, SMALL_CASES
    async with Stage(binary) as stage:
        await second(stage)
        await as_server(stage, "as server", COMPRESSION, every)
        await as_client(stage, "as client", COMPRESSION, every)
        await as_client(
            stage, "as client, first frames in one segment with the handshake", COMPRESSION + LARGE, small, {"joins": True})
        await as_server(stage, "as server, one byte in each segment", COMPRESSION + LARGE, small, {"alone": True})
        await as_client(stage, "as client, one byte in each segment", COMPRESSION + LARGE, small, {"alone": True})
    print(f"{verdicts.good} verdicts passed, {verdicts.bad} failed")
    return 1 if verdicts.bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
