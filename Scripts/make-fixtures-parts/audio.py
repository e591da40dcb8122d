"""Speech as it sounds from a telephone and from a speech model. Samples are 16-bit integers throughout."""

import array
import math
import random
import subprocess
import sys
import wave

CALLER_RATE, AGENT_RATE = 8000, 24000
BAND = "300-3400"
CALLER_LEVEL, NOISE_LEVEL, AGENT_LEVEL = -20.0, -55.0, -23.0  # dBFS, RMS
FRAMES_PER_SECOND = 50


def samples(data):
    values = array.array("h")
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def raw(values):
    values = array.array("h", values)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def sox(source, arguments, rate_in, rate_out, effects):
    pcm = ["-t", "raw", "-e", "signed", "-b", "16", "-L", "-c", "1"]
    command = ["sox", "-D", "-V1", *(arguments or [*pcm, "-r", str(rate_in)]), "-", *pcm, "-r", str(rate_out), "-"]
    return samples(subprocess.run([*command, *effects], input=source, capture_output=True, check=True).stdout)


def speak(text, voice, rate, pitch):
    """A WAV file of 22,050 Hz, as bytes."""
    command = ["espeak-ng", "-v", voice, "-s", str(rate), "-p", str(pitch), "--stdout", text]
    return subprocess.run(command, capture_output=True, check=True).stdout


def rms(values):
    return math.sqrt(sum(v * v for v in values) / len(values)) if len(values) else 0.0


def decibels(value):
    return 20 * math.log10(max(value, 1e-9) / 32768)


def active_frames(values, rate):
    """The 20 ms frames with speech in them: no more than 30 dB below the loudest."""
    size = rate // FRAMES_PER_SECOND
    frames = [values[i : i + size] for i in range(0, len(values), size)]
    loudest = max(rms(f) for f in frames)
    return [f for f in frames if rms(f) > loudest / 31.6]


def speech_level(values, rate):
    return decibels(rms([v for f in active_frames(values, rate) for v in f]))


def scaled(values, factor):
    return [max(-32768, min(32767, round(v * factor))) for v in values]


def to_level(values, rate, level):
    return scaled(values, 10 ** ((level - speech_level(values, rate)) / 20))


def trimmed(values, rate, keep_ms=20):
    """Removes the silence around it, and pads it to whole frames."""
    limit = max(abs(v) for v in values) / 100
    loud = [i for i, v in enumerate(values) if abs(v) > limit]
    keep = rate * keep_ms // 1000
    cut = list(values[max(0, loud[0] - keep) : loud[-1] + keep])
    size = rate // FRAMES_PER_SECOND
    return cut + [0] * (-len(cut) % size)


def caller_speech(text, speaker):
    """Limits clean speech to the telephone's band."""
    values = sox(speak(text, **speaker), ["-t", "wav"], None, CALLER_RATE, ["rate", "-v", "8000", "sinc", BAND])
    return to_level(trimmed(values, CALLER_RATE), CALLER_RATE, CALLER_LEVEL)


def agent_speech(text, speaker):
    values = sox(speak(text, **speaker), ["-t", "wav"], None, AGENT_RATE, ["rate", "-v", "24000"])
    return to_level(trimmed(values, AGENT_RATE), AGENT_RATE, AGENT_LEVEL)


def line_noise(count, seed):
    dice = random.Random(seed)
    white = [max(-32768, min(32767, round(dice.gauss(0, 3000)))) for _ in range(count + CALLER_RATE)]
    values = sox(raw(white), None, CALLER_RATE, CALLER_RATE, ["sinc", BAND])[CALLER_RATE // 2 :][:count]
    # One step of 16 bit is -90 dBFS: at -55 dBFS the error of rounding is negligible.
    return scaled(values, 10 ** ((NOISE_LEVEL - decibels(rms(values))) / 20))


def mixed(left, right):
    return [max(-32768, min(32767, a + b)) for a, b in zip(left, right)]


def write_wav(path, values, rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(raw(values))


def resampled_to_telephone(values):
    return sox(raw(values), None, AGENT_RATE, CALLER_RATE, ["rate", "-v", "8000"])


def mu_law(values):
    """ITU-T G.711, by its definition: sign, segment, step; all bits inverted."""

    def encode(value):
        sign, magnitude = (0x80, -value) if value < 0 else (0, value)
        magnitude = min(magnitude, 32635) + 132
        segment = magnitude.bit_length() - 8
        return ~(sign | segment << 4 | (magnitude >> (segment + 3)) & 15) & 255

    return bytes(encode(v) for v in values)
