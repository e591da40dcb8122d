"""Pipecat's services talk with the fake models, in a pipeline of Pipecat's parts. Only the line to the caller is ours."""

import asyncio
import contextlib

import loguru
from google.genai.types import HttpOptions
from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    BotStartedSpeakingFrame, BotStoppedSpeakingFrame, InputAudioRawFrame, InterruptionFrame, LLMRunFrame,
)
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.services.openai.realtime import events as realtime
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from caller import Microphone
from stage import verdicts
from wire import events

check = verdicts.check
PARAMS = TransportParams(
    audio_in_enabled=True, audio_out_enabled=True, audio_out_end_silence_secs=0, audio_out_auto_silence=False)


class Ear(BaseInputTransport):
    """The caller's audio, a frame of 20 ms every 20 ms."""

    def __init__(self, microphone):
        super().__init__(PARAMS)
        self.microphone, self.task = microphone, None

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        self.task = asyncio.create_task(self._listen())

    async def _listen(self):
        while True:
            data = await self.microphone.next()
            await self.push_audio_frame(InputAudioRawFrame(data, self.microphone.rate, 1))

    async def cleanup(self):
        if self.task:
            self.task.cancel()
        await super().cleanup()


class Mouth(BaseOutputTransport):
    """Takes as long to write audio as the audio plays."""

    def __init__(self):
        super().__init__(PARAMS)
        self.seconds, self.due = 0.0, 0.0

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        length = len(frame.audio) / 2 / frame.sample_rate
        now = asyncio.get_running_loop().time()
        self.due = max(self.due, now) + length
        await asyncio.sleep(self.due - now)
        self.seconds += length
        return True


class Watch(BaseObserver):
    """Records the agent's starts and stops, and the interruptions."""

    def __init__(self, mouth):
        super().__init__()
        self.mouth, self.starts, self.stops, self.cuts = mouth, asyncio.Queue(), asyncio.Queue(), 0

    async def on_push_frame(self, data):
        if isinstance(data.frame, InterruptionFrame) and data.destination is self.mouth:
            self.cuts += 1
        if data.source is not self.mouth or data.direction.name != "DOWNSTREAM":
            return
        if isinstance(data.frame, BotStartedSpeakingFrame):
            self.starts.put_nowait(self.mouth.seconds)
        elif isinstance(data.frame, BotStoppedSpeakingFrame):
            self.stops.put_nowait(self.mouth.seconds)


def _said(context, role):
    return [str(one["content"]) for one in context.messages if one["role"] == role and one.get("content")]


async def _call(name, service):
    """Holds a conversation: a greeting, a question with a look-up, an interruption, another answer."""
    asked, faults, lines = [], [], []

    async def opening_hours(params):
        asked.append(dict(params.arguments))
        await params.result_callback("9-5")

    service.register_function("opening_hours", opening_hours)
    place = {"place": {"type": "string"}}
    tools = ToolsSchema(standard_tools=[
        FunctionSchema("opening_hours", description="When a place is open.", properties=place, required=["place"])])
    context = LLMContext([{"role": "developer", "content": "Greet."}], tools)
    user, assistant = LLMContextAggregatorPair(context)
    microphone, mouth = Microphone(16000), Mouth()
    watch = Watch(mouth)
    worker = PipelineWorker(
        Pipeline([Ear(microphone), user, service, mouth, assistant]), observers=[watch], enable_rtvi=False,
        params=PipelineParams(audio_in_sample_rate=16000, audio_out_sample_rate=24000), cancel_on_idle_timeout=False)
    loguru.logger.remove()
    loguru.logger.add(lambda message: lines.append(str(message).strip()), level="WARNING", format="{name}: {message}")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(45):
            await worker.queue_frame(LLMRunFrame())
            await watch.starts.get()
            await watch.stops.get()
            await microphone.say("caller-1-question")
            await watch.starts.get()
            await asyncio.sleep(0.9)
            await microphone.say("caller-2-interruption")
            await watch.stops.get()
            await watch.starts.get()
            await watch.stops.get()
            while _said(context, "assistant")[-1:] != ["Every day."] or _said(context, "user")[-1:] != ["The pharmacy."]:
                await asyncio.sleep(0.05)
    except TimeoutError:
        faults.append("the conversation did not end within 45 s")
    # Warnings from here on, while the pipeline is taken down, do not count. Pipecat warns its users that a Gemini Live
    # session reports no turns; the protocol has none.
    seen = [line for line in lines if "is not emitting turn frames" not in line]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            await worker.cancel()
            await running
    check(f"{name}: the conversation runs to its end", not faults, (faults, mouth.seconds, context.messages, lines[-5:]))
    check(f"{name}: the function is called exactly once", asked == [{"place": "clinic"}], asked)
    check(f"{name}: the caller's speech interrupts the agent", watch.cuts >= 1, watch.cuts)
    # Of the interrupted answer Pipecat keeps the part that it takes for heard, which may be empty.
    said = [one for one in _said(context, "assistant") if not one.startswith("From")]
    check(f"{name}: the agent's words are reported in order", said == ["How can I help you?", "Every day."], context.messages)
    heard = _said(context, "user")
    check(f"{name}: both utterances of the caller are transcribed", heard == ["When are you open?", "The pharmacy."], heard)
    check(f"{name}: the framework logs no warning", not seen, seen[:5])


async def openai_fake(tap):
    turns = realtime.TurnDetection(silence_duration_ms=300)
    audio = realtime.AudioConfiguration(input=realtime.AudioInput(
        transcription=realtime.InputAudioTranscription(), turn_detection=turns))
    service = OpenAIRealtimeLLMService(
        api_key="any", base_url=f"ws://127.0.0.1:{tap.port}/v1/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            system_instruction="Be brief.", session_properties=realtime.SessionProperties(audio=audio)))
    await _call("pipecat with openai", service)
    answered = [event for one in tap.connections if one.is_websocket for event in events(one.server_messages())]
    complaints = [event for event in answered if event["type"] == "error"]
    check("pipecat with openai: the fake model reports no error", not complaints, complaints)
    cut = [event for event in answered if event["type"] == "conversation.item.truncated"]
    check("pipecat with openai: the framework tells the model where the caller interrupted", len(cut) == 1 and cut[0]["audio_end_ms"] > 500, cut)


async def gemini_fake(tap, trust):
    service = GeminiLiveLLMService(
        api_key="any", settings=GeminiLiveLLMService.Settings(system_instruction="Be brief."),
        http_options=HttpOptions(base_url=f"https://localhost:{tap.port}", async_client_args={"ssl": trust}))
    await _call("pipecat with gemini", service)
