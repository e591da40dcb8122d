"""A caller in a process of its own, so that the script does not delay its clock: it speaks silence, hears the agent until
its standard input says a line or ends, and prints when each frame came. Started by stage.py: PORT PATH TOKEN."""
import asyncio
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import abuse


async def main(port, path, token):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(abuse.upgrade(port).replace(b"/twilio/media-stream", path.encode(), 1))
    if b" 101 " not in await reader.readuntil(b"\r\n\r\n"):
        sys.exit("the media socket was refused")
    start = {
        "streamSid": "MZ1", "callSid": "", "customParameters": {"token": token},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }
    writer.write(abuse.text({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
    writer.write(abuse.text({"event": "start", "streamSid": "MZ1", "start": start}))
    arrivals, done = [], asyncio.Event()
    asyncio.get_running_loop().add_reader(0, done.set)

    async def talk():
        count, began = 0, time.monotonic()
        while True:
            writer.write(abuse.text({"event": "media", "streamSid": "MZ1", "media": {"payload": abuse.SILENCE}}))
            count += 1
            await asyncio.sleep(max(0, began + count * 0.02 - time.monotonic()))

    async def listen():
        while True:
            kind, payload = await abuse.read_frame(reader)
            if kind == 1 and b'"media"' in payload:
                arrivals.append(time.monotonic())
                # The first frames fill the buffer of the far end.
                if len(arrivals) == 100:
                    print("heard", flush=True)
            elif kind == 1 and b'"mark"' in payload:
                writer.write(abuse.frame(payload))
            elif kind == 8:
                return

    work = [asyncio.ensure_future(part) for part in (talk(), listen(), done.wait())]
    await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    for part in work:
        part.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    if not writer.is_closing():
        writer.write(abuse.text({"event": "stop", "streamSid": "MZ1", "stop": {}}) + abuse.CLOSE)
    writer.close()
    print(json.dumps(arrivals))


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
