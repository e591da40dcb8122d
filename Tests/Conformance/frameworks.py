#!/usr/bin/env python3
"""Lets third-party frameworks for voice agents talk with the simulators: LiveKit's agents, Pipecat, Twilio's own.

    frameworks.py TALKPATH        the executable

Exits with 1 if one of them finds a fault.
"""

import asyncio
import os
import sys

# Twilio's framework reads this when it is loaded. Without it, the framework reports every call to its makers.
os.environ["TAC_ANALYTICS_DISABLED"] = "true"
# Pipecat's log, until its judge takes it over.
os.environ["LOGURU_LEVEL"] = "WARNING"

import certificates
import judge_agent_connect
import judge_livekit
import judge_pipecat
from stage import HERE, Stage, verdicts

PLAY = ("--conversation", str(HERE / "conversation"))


async def main(binary):
    async with Stage(binary) as stage:
        served, trust = certificates.make(stage.folder.name)
        async def openai(judge):
            await judge.openai_fake(await stage.tap(await stage.fake_model("openai", *PLAY)))

        async def gemini(judge):
            await judge.gemini_fake(await stage.tap(await stage.fake_model("gemini", *PLAY), ssl=served), trust)

        async with asyncio.timeout(200):
            # Two conversations run at a time. Their clocks are real, and each of them needs a good part of a processor.
            await asyncio.gather(openai(judge_livekit), gemini(judge_pipecat))
            await asyncio.gather(openai(judge_pipecat), gemini(judge_livekit))
            await judge_agent_connect.between_simulators(stage)
    print(f"{verdicts.good} verdicts passed, {verdicts.bad} failed")
    return 1 if verdicts.bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
