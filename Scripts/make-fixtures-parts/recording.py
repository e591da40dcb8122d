"""Messages of one socket, in the order and at the times of their arrival."""

import json
import random
import string

LETTERS = string.ascii_letters + string.digits


class Recording:
    def __init__(self, seed):
        self.messages = []  # (milliseconds, order of adding, message)
        self.dice = random.Random(seed)

    def add(self, at, message):
        self.messages.append((round(at), len(self.messages), message))

    def name(self, prefix):
        return prefix + "".join(self.dice.choice(LETTERS) for _ in range(21))

    def ordered(self):
        return sorted(self.messages, key=lambda entry: entry[:2])

    def write(self, path):
        lines = [json.dumps(m, ensure_ascii=False, separators=(",", ":")) for _, _, m in self.ordered()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        times = [at for at, _, _ in self.ordered()]
        path.with_suffix(".timing.json").write_text(json.dumps(times, separators=(",", ":")) + "\n")


def words_along(text, pieces):
    """Spreads the words of a text over the pieces of its audio, each a little before its playback."""
    words = [w if i == 0 else " " + w for i, w in enumerate(text.split())]
    spread = [[] for _ in range(pieces)]
    for index, word in enumerate(words):
        spread[int(index / len(words) * pieces * 0.7)].append(word)
    return spread
