"""The texts, speakers and times of the conversations: the one place to change a conversation."""

from dataclasses import dataclass

CALLER = {"voice": "en-us+f3", "rate": 172, "pitch": 52}
AGENT = {"voice": "en-gb-x-rp", "rate": 168, "pitch": 42}

TEXTS = {
    "caller-1-question": "Hi, could you tell me when you are open this week?",
    "caller-2-interruption": "Wait, sorry, I meant the pharmacy.",
    "caller-3-goodbye": "Great, thank you. Goodbye!",
    "agent-greeting": "Hello, Harbour Street clinic. How can I help you?",
    "agent-long-answer": "Of course. From Monday to Thursday we are open from eight to six. "
    "On Friday we close at two, and on Saturday we see patients by appointment only.",
    "agent-correction": "Ah, the pharmacy. It is open every day from nine until eight in the evening.",
    "agent-goodbye": "You are welcome. Have a nice day!",
}


@dataclass
class CallerTurn:
    audio: str
    after: str
    delay_ms: int


@dataclass
class Conversation:
    name: str
    description: str
    caller: list
    agent: list  # names of audio; the first on connect, each other after a turn of the caller


CONVERSATIONS = [
    Conversation(
        "plain-conversation",
        "Greeting, question, answer, goodbye: everybody lets the other finish.",
        [CallerTurn("caller-1-question", "agent_ends", 600), CallerTurn("caller-3-goodbye", "agent_ends", 500)],
        ["agent-greeting", "agent-long-answer", "agent-goodbye"],
    ),
    Conversation(
        "barge-in",
        "The caller interrupts the agent's long answer three seconds after it began and is answered anew.",
        [
            CallerTurn("caller-1-question", "agent_ends", 600),
            CallerTurn("caller-2-interruption", "agent_starts", 3000),
            CallerTurn("caller-3-goodbye", "agent_ends", 500),
        ],
        ["agent-greeting", "agent-long-answer", "agent-correction", "agent-goodbye"],
    ),
]


@dataclass
class Answer:
    """An answer of the agent on the caller's clock (milliseconds since the media stream began)."""

    audio: str
    start: int
    end: int  # its end without an interruption
    heard_end: int  # the end of its playback
    turn: object  # the Turn that it answers; None for the greeting

    @property
    def interrupted(self):
        return self.heard_end < self.end


@dataclass
class Turn:
    audio: str
    start: int
    end: int
    speech_started: int  # the model's report of it
    speech_stopped: int


GREETING_AT = 940
ANSWER_DELAY = 940  # from the end of a turn: 500 ms of silence, the rest for the model's thought
NOTICE_DELAY = 160  # from the beginning of speech to the model's report of it
SILENCE = 500
HANG_UP_AFTER = 700


def timeline(conversation, durations):
    """Plays the conversation by its rules. Returns the turns, the answers and the time of the caller's hang-up."""
    turns, answers, waiting = [], [], list(conversation.caller)

    def answer(at, turn):
        if len(answers) < len(conversation.agent):
            name = conversation.agent[len(answers)]
            end = at + durations[name]
            answers.append(Answer(name, at, end, end, turn))

    answer(GREETING_AT, None)
    while waiting:
        rule = waiting.pop(0)
        reference = {"start": 0, "agent_starts": answers[-1].start, "agent_ends": answers[-1].end}[rule.after]
        start = reference + rule.delay_ms
        turn = Turn(rule.audio, start, start + durations[rule.audio], start + NOTICE_DELAY, 0)
        turn.speech_stopped = turn.end + SILENCE
        turns.append(turn)
        if turn.speech_started < answers[-1].heard_end:
            answers[-1].heard_end = turn.speech_started
        answer(turn.end + ANSWER_DELAY, turn)
    return turns, answers, max(answers[-1].heard_end, turns[-1].speech_stopped) + HANG_UP_AFTER


def manifest(conversation, durations):
    turns, answers, end = timeline(conversation, durations)
    audio = "../../audio/{}.wav".format
    return {
        "name": conversation.name,
        "description": conversation.description,
        "background": audio("caller-line-noise"),
        "caller": [
            {"audio": audio(t.audio), "text": TEXTS[t.audio], "after": t.after, "delay_ms": t.delay_ms}
            for t in conversation.caller
        ],
        "agent": [
            {"audio": audio(name), "text": TEXTS[name], "on": "caller_turn" if index else "connect"}
            for index, name in enumerate(conversation.agent)
        ],
        "expected": {
            "caller_turns": len(turns),
            "agent_answers": len(answers),
            "interruptions": sum(a.interrupted for a in answers),
            "caller_speech_ms": sum(t.end - t.start for t in turns),
            "agent_audio_ms": sum(durations[a.audio] for a in answers),
            "agent_heard_ms": sum(a.heard_end - a.start for a in answers),
            "duration_ms": end,
        },
    }
