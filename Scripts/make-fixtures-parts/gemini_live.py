"""Gemini Live: the messages of the model's socket during a call, with audio as linear PCM of 24 kHz."""

import base64
import uuid

import audio
from conversation import TEXTS
from recording import Recording, words_along

CHUNK_MS = 200
PACE = 2.0


class Session(Recording):
    tokens = 0

    def content(self, at, **fields):
        self.add(at, {"serverContent": fields})

    def identifier(self):
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def open(self):
        self.add(-280, {"setupComplete": {"sessionId": self.identifier()}})

    def handle(self, at, resumable):
        update = {"newHandle": self.identifier(), "resumable": True} if resumable else {}
        self.add(at, {"sessionResumptionUpdate": update})

    def hear(self, turn):
        for index, word in enumerate(w for words in words_along(TEXTS[turn.audio], 1) for w in words):
            self.content(turn.speech_started + 250 + index * 180, inputTranscription={"text": word})
        self.tokens += (turn.end - turn.start) // 40

    def speak(self, answer, values):
        size = CHUNK_MS * audio.AGENT_RATE // 1000
        pieces = [values[i : i + size] for i in range(0, len(values), size)]
        words = words_along(TEXTS[answer.audio], len(pieces))
        first = answer.start - 40
        self.handle(first - 20, resumable=False)
        sent = 0
        for index, piece in enumerate(pieces):
            at = first + index * CHUNK_MS / PACE
            if answer.interrupted and at > answer.heard_end:
                break
            if words[index]:
                self.content(at - 2, outputTranscription={"text": "".join(words[index])})
            data = base64.b64encode(audio.raw(piece)).decode()
            inline = {"mimeType": "audio/pcm;rate=24000", "data": data}
            self.content(at, modelTurn={"role": "model", "parts": [{"inlineData": inline}]})
            sent += 1
        if answer.interrupted:
            over = answer.heard_end + 3
            self.content(answer.heard_end, interrupted=True)
        else:
            self.content(first + sent * CHUNK_MS / PACE, generationComplete=True)
            over = answer.end + 20  # the service waits until the audio must have been played
        output = sent * CHUNK_MS // 40
        usage = {
            "promptTokenCount": self.tokens + 120, "responseTokenCount": output,
            "totalTokenCount": self.tokens + 120 + output,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 120}, {"modality": "AUDIO", "tokenCount": self.tokens},
            ],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": output}],
        }
        self.add(over, {"serverContent": {"turnComplete": True}, "usageMetadata": usage})
        self.handle(over + 30, resumable=True)
        self.tokens += output

    def call_tool(self, at):
        call = {"id": "function-call-" + str(self.dice.randrange(10**18, 10**19)), "name": "end_call"}
        self.add(at, {"toolCall": {"functionCalls": [{**call, "args": {"reason": "caller said goodbye"}}]}})


def conversation(turns, answers, speech):
    session = Session(seed=51)
    session.open()
    events = [(a.start, "answer", a) for a in answers] + [(t.start, "turn", t) for t in turns]
    for _, kind, happening in sorted(events, key=lambda e: e[0]):
        if kind == "turn":
            session.hear(happening)
        else:
            session.speak(happening, speech[happening.audio])
    session.call_tool(answers[-1].end + 120)
    return session
