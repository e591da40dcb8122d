"""OpenAI Realtime: the messages of the model's socket during a call, with audio as µ-law in both directions."""

import base64

import audio
from conversation import TEXTS
from recording import Recording, words_along

DELTA_MS = 200
PACE = 2.5  # the model generates audio 2.5 times faster than real time
PREFIX_MS = 300  # padding of the voice activity detection before the speech
INSTRUCTIONS = "You answer the telephone of the Harbour Street clinic. Be brief and friendly."
END_CALL = {
    "type": "function",
    "name": "end_call",
    "description": "Ends the call once both have said goodbye.",
    "parameters": {
        "type": "object",
        "properties": {"reason": {"type": "string"}},
        "required": ["reason"],
        "additionalProperties": False,
    },
}


class Session(Recording):
    def __init__(self, seed):
        super().__init__(seed)
        self.previous = None
        self.conversation = self.name("conv_")
        self.tokens = 96

    def say(self, at, kind, **fields):
        self.add(at, {"type": kind, "event_id": self.name("event_"), **fields})

    def open(self):
        transcription = {"model": "gpt-4o-mini-transcribe"}
        detection = {
            "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": PREFIX_MS, "silence_duration_ms": 500,
            "idle_timeout_ms": None, "create_response": True, "interrupt_response": True,
        }
        session = {
            "type": "realtime", "object": "realtime.session", "id": self.name("sess_"), "model": "gpt-realtime-2",
            "output_modalities": ["audio"], "instructions": "", "tools": [], "tool_choice": "auto",
            "max_output_tokens": "inf", "tracing": None, "prompt": None, "expires_at": 1790003600,
            "truncation": "auto", "include": None,
        }
        pcm, pcmu = {"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}

        def media(format, transcription):
            side = {"format": format, "transcription": transcription, "noise_reduction": None}
            return {
                "input": {**side, "turn_detection": detection},
                "output": {"format": format, "voice": "marin", "speed": 1.0},
            }

        self.say(-310, "session.created", session={**session, "audio": media(pcm, None)})
        updated = {**session, "instructions": INSTRUCTIONS, "tools": [END_CALL], "audio": media(pcmu, transcription)}
        self.say(-250, "session.updated", session=updated)

    def hear(self, turn):
        item = self.name("item_")
        self.say(turn.speech_started, "input_audio_buffer.speech_started",
                 audio_start_ms=max(0, turn.start - PREFIX_MS), item_id=item)
        at = turn.speech_stopped
        self.say(at, "input_audio_buffer.speech_stopped", audio_end_ms=at, item_id=item)
        self.say(at + 1, "input_audio_buffer.committed", previous_item_id=self.previous, item_id=item)
        content = {"type": "input_audio", "transcript": None}
        message = {"id": item, "type": "message", "status": "completed", "role": "user", "content": [content]}
        self.say(at + 2, "conversation.item.added", previous_item_id=self.previous, item=message)
        self.say(at + 3, "conversation.item.done", previous_item_id=self.previous, item=message)
        kind = "conversation.item.input_audio_transcription."
        text = TEXTS[turn.audio]
        for index, word in enumerate(w for words in words_along(text, 1) for w in words):
            self.say(at + 380 + index * 4, kind + "delta", item_id=item, content_index=0, delta=word)
        tokens = (turn.end - turn.start) // 100
        usage = {
            "type": "tokens", "total_tokens": tokens + len(text) // 4, "input_tokens": tokens,
            "input_token_details": {"text_tokens": 0, "audio_tokens": tokens}, "output_tokens": len(text) // 4,
        }
        self.say(at + 470, kind + "completed", item_id=item, content_index=0, transcript=text, usage=usage)
        self.tokens += tokens
        self.previous = item

    def begin_response(self, at):
        response = {
            "object": "realtime.response", "id": self.name("resp_"), "status": "in_progress", "status_details": None,
            "output": [], "conversation_id": self.conversation, "output_modalities": ["audio"],
            "max_output_tokens": "inf", "usage": None, "metadata": None,
            "audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "marin"}},
        }
        self.say(at, "response.created", response=response)
        return response

    def speak(self, answer, values):
        payload = audio.mu_law(audio.resampled_to_telephone(values))
        pieces = [payload[i : i + DELTA_MS * 8] for i in range(0, len(payload), DELTA_MS * 8)]
        words = words_along(TEXTS[answer.audio], len(pieces))
        first = answer.start - 40
        response = self.begin_response(first - 330)
        item = self.name("item_")
        place = {"response_id": response["id"], "item_id": item, "output_index": 0, "content_index": 0}
        message = {"id": item, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        self.say(first - 60, "response.output_item.added", response_id=response["id"], output_index=0, item=message)
        self.say(first - 59, "conversation.item.added", previous_item_id=self.previous, item=message)
        self.say(first - 40, "response.content_part.added", **place, part={"type": "audio", "transcript": ""})
        spoken, at = [], first
        for index, piece in enumerate(pieces):
            at = first + index * DELTA_MS / PACE
            if answer.interrupted and at > answer.heard_end:
                at = answer.heard_end + 4
                break
            for word in words[index]:
                spoken.append(word)
                self.say(at - 1, "response.output_audio_transcript.delta", **place, delta=word)
            self.say(at, "response.output_audio.delta", **place, delta=base64.b64encode(piece).decode())
        generated = min(len(pieces), round((at - first) * PACE / DELTA_MS) + 1)
        status = "incomplete" if answer.interrupted else "completed"
        text = "".join(spoken)
        self.say(at + 10, "response.output_audio.done", **place)
        self.say(at + 11, "response.output_audio_transcript.done", **place, transcript=text)
        self.say(at + 12, "response.content_part.done", **place, part={"type": "audio", "transcript": text})
        content = [{"type": "output_audio", "transcript": text}]
        message = {**message, "status": status, "content": content}
        self.say(at + 13, "conversation.item.done", previous_item_id=self.previous, item=message)
        self.say(at + 14, "response.output_item.done", response_id=response["id"], output_index=0, item=message)
        self.end_response(at + 15, response, [message], generated * DELTA_MS // 50, len(spoken) * 4 // 3,
                          answer.interrupted)
        if answer.interrupted:
            # The client has reported the played part.
            self.say(answer.heard_end + 90, "conversation.item.truncated", item_id=item, content_index=0,
                     audio_end_ms=answer.heard_end - answer.start)
        self.previous = item

    def end_response(self, at, response, output, audio_tokens, text_tokens, cancelled=False):
        given = self.tokens
        usage = {
            "total_tokens": given + audio_tokens + text_tokens, "input_tokens": given,
            "output_tokens": audio_tokens + text_tokens,
            "input_token_details": {
                "text_tokens": 96, "audio_tokens": given - 96, "image_tokens": 0, "cached_tokens": 0,
                "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": text_tokens, "audio_tokens": audio_tokens},
        }
        ending = {"status": "completed", "status_details": None}
        if cancelled:
            ending = {"status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"}}
        self.say(at, "response.done", response={**response, **ending, "output": output, "usage": usage})
        self.tokens += audio_tokens + text_tokens
        limits = [
            {"name": "requests", "limit": 1000, "remaining": 998, "reset_seconds": 0.12},
            {"name": "tokens", "limit": 40000, "remaining": 40000 - self.tokens, "reset_seconds": 0.9},
        ]
        self.say(at + 1, "rate_limits.updated", rate_limits=limits)

    def call_tool(self, at):
        response = self.begin_response(at)
        item, call = self.name("item_"), self.name("call_")
        arguments = '{"reason":"caller said goodbye"}'
        function = {
            "id": item, "type": "function_call", "status": "in_progress", "name": "end_call", "call_id": call,
            "arguments": "",
        }
        place = {"response_id": response["id"], "item_id": item, "output_index": 0}
        self.say(at + 240, "response.output_item.added", response_id=response["id"], output_index=0, item=function)
        self.say(at + 241, "conversation.item.added", previous_item_id=self.previous, item=function)
        pieces = [arguments[i : i + 7] for i in range(0, len(arguments), 7)]
        for index, piece in enumerate(pieces):
            self.say(at + 250 + 12 * index, "response.function_call_arguments.delta", **place, call_id=call,
                     delta=piece)
        done = {**function, "status": "completed", "arguments": arguments}
        self.say(at + 330, "response.function_call_arguments.done", **place, call_id=call, name="end_call",
                 arguments=arguments)
        self.say(at + 331, "conversation.item.done", previous_item_id=self.previous, item=done)
        self.say(at + 332, "response.output_item.done", response_id=response["id"], output_index=0, item=done)
        self.end_response(at + 334, response, [done], 0, 21)
        self.previous = item


def conversation(turns, answers, speech):
    """Adds the model's request to hang up, which ends most calls."""
    session = Session(seed=41)
    session.open()
    events = [(a.start, "answer", a) for a in answers] + [(t.start, "turn", t) for t in turns]
    for _, kind, happening in sorted(events, key=lambda e: e[0]):
        if kind == "turn":
            session.hear(happening)
        else:
            session.speak(happening, speech[happening.audio])
    last = max(at for at, _, _ in session.messages)
    session.call_tool(last + 60)
    return session
