"""Models that talk without end, in a process of their own. Prints its port."""
import asyncio
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import abuse


async def main():
    models = await abuse.Models().start()
    print(models.port, flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
