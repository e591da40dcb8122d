"""A caller's voice for frameworks that read it frame by frame, and a log of a framework's warnings."""

import array
import asyncio
import logging
import time
import wave

from stage import HERE


def spoken(name, rate):
    """Returns a recording of fixtures/audio as 16-bit samples, resampled by repetition."""
    with wave.open(str(HERE.parent.parent / f"fixtures/audio/{name}.wav")) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    return array.array("h", [one for one in samples for _ in range(rate // 8000)]).tobytes()


class Microphone:
    """Yields a frame of 20 ms every 20 ms: speech after `say`, otherwise silence."""

    def __init__(self, rate):
        self.rate = rate
        self.frame = rate // 50 * 2
        self.pending = bytearray()
        self.due = None
        self.spoken = asyncio.Event()

    async def say(self, name):
        """Returns once the recording has been sent."""
        self.spoken.clear()
        self.pending += spoken(name, self.rate)
        await self.spoken.wait()

    async def next(self):
        now = time.monotonic()
        self.due = now if self.due is None else self.due + 0.02
        await asyncio.sleep(max(self.due - now, 0))
        data = bytes(self.pending[:self.frame])
        del self.pending[:self.frame]
        if not self.pending:
            self.spoken.set()
        return data + bytes(self.frame - len(data))


class Log(logging.Handler):
    """Keeps the warnings that a package logs while the context is entered."""

    def __init__(self, name):
        super().__init__(logging.WARNING)
        self.lines = []
        self.logger = logging.getLogger(name)

    def emit(self, record):
        cause = f" ({record.exc_info[1]!r})" if record.exc_info else ""
        self.lines.append(record.getMessage() + cause)

    def __enter__(self):
        self.logger.addHandler(self)
        return self

    def __exit__(self, *_):
        self.logger.removeHandler(self)
