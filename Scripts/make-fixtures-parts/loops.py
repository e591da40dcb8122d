"""Transcripts of calls that loop, and of calls that only seem to loop: texts by this project, times made up.

A call is a list of turns; "A:" is our agent, "C:" is the far end. Repeated turns are written once.
"""

import json
import random

from loop_texts import HONEST, LOOPING

# Milliseconds to say one letter; the shortest, the longest and the usual pause before a turn.
LETTER_MS = 62
AGENT_PAUSE = (500, 1100)
MACHINE_PAUSE = (450, 1600)
HUMAN_PAUSE = (250, 3200)
THINKING_PAUSE = (4200, 11000)


def pause(generator, kind):
    """Returns the silence of the far end before it speaks."""
    if kind == "machine":
        return generator.randint(*MACHINE_PAUSE)
    if kind == "slow":
        return generator.randint(5000, 7000)
    if kind == "thinking" or generator.random() < 0.12:
        return generator.randint(*THINKING_PAUSE)
    return generator.randint(*HUMAN_PAUSE)


def garbled(generator, text, share):
    """Returns the text as a recogniser hears it on a bad line: words are lost, cut or doubled."""
    words = []
    for word in text.split():
        if generator.random() >= share:
            words.append(word)
            continue
        what = generator.randrange(3)
        if what == 0:
            continue
        words += [word[: max(1, len(word) // 2)]] if what == 1 else [word, word]
    return " ".join(words) or text


def lines(name, call):
    """Returns the turns of one call with their times."""
    generator = random.Random(name)
    now = 800
    last = None
    for turn in call["turns"]:
        marker, text = turn[0], turn[2:].strip()
        kind = call.get("far", "human")
        if marker == "C" and text.startswith("("):
            kind, text = text[1:].split(")", 1)
            text = text.strip()
        if marker == "C" and call.get("noise"):
            text = garbled(generator, text, call["noise"])
        if marker == "A":
            now += generator.randint(*AGENT_PAUSE)
        elif marker == last:
            now += generator.randint(300, 900)
        else:
            now += int(kind[:-1]) * 1000 if kind.endswith("s") and kind[:-1].isdigit() else pause(generator, kind)
        last = marker
        length = max(300, int(len(text) * LETTER_MS * generator.uniform(0.85, 1.2)))
        speaker = "assistant" if marker == "A" else "user"
        yield {"speaker": speaker, "at_ms": now, "end_ms": now + length, "text": text}
        now += length


def write(folder):
    for kind, calls in (("looping", LOOPING), ("honest", HONEST)):
        target = folder / kind
        target.mkdir(parents=True, exist_ok=True)
        for name, call in calls.items():
            head = {"about": call["about"]}
            if "loop_begins" in call:
                head["loop_begins"] = call["loop_begins"]
            text = [json.dumps(line, ensure_ascii=False) for line in [head, *lines(name, call)]]
            (target / f"{name}.jsonl").write_text("\n".join(text) + "\n", encoding="utf-8")
