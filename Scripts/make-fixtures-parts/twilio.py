"""Twilio Media Streams: the messages of the carrier's socket during a call."""

import base64

import audio
from recording import Recording

STREAM = "MZ" + "0" * 31 + "1"
CALL = "CA" + "0" * 31 + "1"
ACCOUNT = "AC" + "0" * 31 + "2"
FIRST_TIMESTAMP = 61  # the timestamp of a stream's first audio is not 0
FRAME_MS = 20
MARK_EVERY_MS = 1000


class Stream(Recording):
    """Numbers messages when they are written: `sequenceNumber` counts in the order of sending."""

    def connect(self):
        self.add(0, {"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "accountSid": ACCOUNT, "streamSid": STREAM, "callSid": CALL, "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"call_id": "call-1", "token": "one-time-token"},
        }
        self.add(2, {"event": "start", "sequenceNumber": "", "start": start, "streamSid": STREAM})

    def media(self, chunk, payload):
        """`chunk` counts from 1. A frame arrives when it is complete, with the network's jitter."""
        timestamp = FIRST_TIMESTAMP + (chunk - 1) * FRAME_MS
        media = {
            "track": "inbound", "chunk": str(chunk), "timestamp": str(timestamp),
            "payload": base64.b64encode(payload).decode(),
        }
        message = {"event": "media", "sequenceNumber": "", "media": media, "streamSid": STREAM}
        self.add(timestamp + FRAME_MS + self.dice.uniform(0, 6), message)

    def all_media(self, payload, skip=()):
        for index in range(0, len(payload) // 160):
            if index + 1 not in skip:
                self.media(index + 1, payload[index * 160 : index * 160 + 160])

    def dtmf(self, at, digit):
        message = {"event": "dtmf", "streamSid": STREAM, "sequenceNumber": ""}
        self.add(at, {**message, "dtmf": {"track": "inbound_track", "digit": digit}})

    def mark(self, at, name):
        self.add(at, {"event": "mark", "sequenceNumber": "", "streamSid": STREAM, "mark": {"name": name}})

    def stop(self, at):
        stop = {"accountSid": ACCOUNT, "callSid": CALL}
        self.add(at, {"event": "stop", "sequenceNumber": "", "streamSid": STREAM, "stop": stop})

    def number(self):
        self.messages = self.ordered()
        sequence = 0
        for _, _, message in self.messages:
            if "sequenceNumber" in message:
                sequence += 1
                message["sequenceNumber"] = str(sequence)
        return self


def caller_track(turns, speech, end):
    """The audio of the line from the caller, with its noise, as µ-law."""
    values = audio.line_noise(end * 8, seed=21)
    for turn in turns:
        start = turn.start * 8
        piece = speech[turn.audio]
        values[start : start + len(piece)] = audio.mixed(piece, values[start : start + len(piece)])
    return audio.mu_law(values)


def conversation(turns, answers, end, speech):
    stream = Stream(seed=22)
    stream.connect()
    stream.all_media(caller_track(turns, speech, end))
    epoch = number = 0
    for answer in answers:
        for position in range(MARK_EVERY_MS, answer.end - answer.start + MARK_EVERY_MS, MARK_EVERY_MS):
            number += 1
            played = min(answer.start + position, answer.end)
            # The carrier echoes cleared marks at once, as if their audio had been played.
            stream.mark(min(played, answer.heard_end + 40), f"tp-{epoch}-{number}")
        epoch += answer.interrupted
    stream.dtmf(turns[-1].start - 250, "#")
    # After the last audio has arrived.
    stream.stop(end + FIRST_TIMESTAMP + 30)
    return stream.number()


def small_ones(speech):
    """Name and stream: each has one peculiarity and lasts a second or two."""
    noise = audio.mu_law(audio.line_noise(8000, seed=23))
    question = audio.mu_law(speech["caller-1-question"][: 8000 * 3 // 2])

    def stream(payload, seed, **arguments):
        stream = Stream(seed)
        stream.connect()
        stream.all_media(payload, **arguments)
        return stream

    lost = stream(question, 31, skip=set(range(20, 25)) | {40})
    lost.stop(1650)
    yield "gap", lost.number()

    twice = stream(noise, 32)
    twice.stop(1150)
    twice.number()
    media = [entry for entry in twice.messages if entry[2]["event"] == "media"]
    for index in (10, 11, 30):
        at, order, message = media[index]
        twice.messages.append((at + 7, order, message))
    yield "duplicates", twice

    keys = stream(noise, 33)
    for index, digit in enumerate("0123456789*#"):
        keys.dtmf(100 + 70 * index, digit)
    keys.stop(1150)
    yield "dtmf", keys.number()

    cut = stream(question[: 160 * 45], 34)
    cut.stop(FIRST_TIMESTAMP + 45 * FRAME_MS + 30)
    yield "stop-mid-word", cut.number()

    odd = Stream(35)
    odd.connect()
    track = audio.mu_law(audio.line_noise(16000 + 1000, seed=24))
    position = 0
    for chunk, size in enumerate((160, 1, 159, 161, 320, 7, 152, 16000), start=1):
        odd.media(chunk, track[position : position + size])
        odd.messages[-1][2]["media"]["timestamp"] = str(FIRST_TIMESTAMP + position // 8)
        position += size
    odd.stop(2300)
    yield "odd-sizes", odd.number()
