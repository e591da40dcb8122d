/// The words that a capture may keep: those of which protocols, settings and machines' reports of faults are made.
///
/// An allow-list. A text is split where it has no letter and no digit, and, in names of members, before capital
/// letters; each part that is not in the list is replaced. So a value that no list of ours foresaw is private.
enum ProtocolWords {
    /// Words of machines. None of them identifies a person.
    static let all = Set(
        """
        a access account accounts acknowledged acknowledgement action active activity adaptive added address affective after \
        again agent alaw all allowed already always an and another answer answered answers any api append application \
        apply approval approve are args argument arguments array as ask assistant at attempt attempts audio author \
        authentication authorization auto automatic available away bad barge base be because been before begin beginning \
        behavior behaviour best between bidi billing blocking body boolean bound broken budget buffer busy but by cache \
        cached call called caller callers calls can cancel canceled cancelled cancellation candidates cannot carrier change changed \
        channel channels character characters choice chunk client cleared clear clip close closed code codes collection \
        commentary commit committed complete completed completion compression concise condition config configuration \
        confirmed connect connected connecting connection connector consent const content context contexts continue conversation \
        converter corrected could count country coverage create created credential credentials cumulative custom cut data deactivated \
        declaration declarations default defer delay delegation delete deleted delta denied dense description destination detail details \
        detected detection developer device dial dialog did different digit digits direction disable disabled disconnected dlg do \
        does done down drain drained draining dropped dtmf due duplicate duration during eagerness early echo effort elapsed empty enable \
        enabled encoding end ended endpoint endpoints enough ensure entries entry enum error errors event events exact example examples exceed exceeded \
        except execution exist existing exp expired expires extended fail failed fails failure fallback false far farewell fastest fatal \
        field fields filter final finish finished first flash flush for format found fraction frame frames frequency from full function functions \
        gateway gave gemini generate generated generating generation generative given go going gone goodbye gpt greeting \
        grok group guard had handle handler handling handshake hang hangs hangup happened hard has have header headers heard \
        hears hedges high hint hints history hold host https http human hurried hysteresis id identifier idle ids if ignored image implemented in inbound \
        include included incoming incomplete incorrect index inf info initial initialized initiated inline input inputs \
        instruction instructions insufficient integer intent interaction internal interrupt interrupted interruption interrupts invalid is \
        it item items its json keep keepalive keeps key keys keypress keyword keywords kind kinds know known label labels lacking language \
        languages last late later latency latest lead least leave left leg legs length less level libsamplerate limit limited limits line linear list listed lite live load log logged long longer loop lost \
        low machine mailbox make malformed mark mask matching max maximum may mcp media medium memory message messages metadata method \
        milliseconds mime mini minimal minimum minutes missing modalities modality mode model models more most mp ms mulaw multi must mute muted name \
        named names native near needs network never new news no node noise non none normal normally not note nothing notice notify null nullable number numbers \
        object obfuscation of off offset on once one only open openai opened opening operation option options or order ordering other out \
        outbound outcome output outside over overflow overload overloaded own owned pad padding parallel param parameter parameters parent parse \
        parsed part partial parts path patience pattern pause payload pcm pcma pcmu peer penalty per period permission phase phrases pipe place placed placing \
        playback played playing please policy polyphase pong position possible post prebuilt prefix presence present preview previous proactive proactivity \
        probability progress progressed prompt properties property protected protocol provided provider proxy public published purpose quality queue queued \
        quiet quota ran random rate ratio raw reach reached read reading ready realtime reason reasoning receipt receive received \
        receiver record recorded records recovered redirect reduction reference refused refuses region rejected release remaining remote removed renewal replicated \
        replied reply report reported request requested requests require required reserved reset resolution resource response responses result results \
        resumable resume resumption retention retrieve retrieved retries retry return returned ring ringing role route router s safety \
        sample sampling saved say scheduling schema score second seconds see seed select semantic send sending sensitivity sent sequence sequences \
        server servers service session sessions set settings setup shape shut shutdown side signature silence silent size sliding slow small smart so socket \
        soon source spare speak speaker speaking speech speed stage stale start started starting starts state status step steps still stop \
        stopped stopping stops store stored stream streaming streams strength strict string style subscription success successful successfully \
        summary supported suppress suspended switch synthesized system take taken takes talk talking talkpath target targets task teardown telephone telephony temperature temporarily temporary \
        terminated terminator territory text than that the them then there these they thinking this thought thoughts threshold time timed timeout \
        timer times timestamp timestamps title tls to token tokens told too took tool tools top total tp tracing track tracks traffic transcode transcribe transcript \
        transcription transfer transferred transferring transfers translation transport triggered trigger trim true truncate truncated truncation try tts tunnel turbo turn turns type unable unanswered unauthenticated unauthorized \
        unavailable unexpected unfinished unit unknown unmute unmuted unspecified unstable unsupported until unwanted up update updated url usage use used user utterance \
        vad valid validation value values variables verbatim version video violated violation vocabulary voice voicemail wait waiting want wants warn warned warning was wav way \
        we webhook websocket were when whether which while whisper wide will window wire with within without word words workflow write writing wrong xai xhigh you your \
        chunks flood min resampler respond what whole x 3 4o g711 g722 l16 pcm16 server_vad 8k 16k 24k v1 v1alpha v1beta
        """.split(whereSeparator: \.isWhitespace).map(String.init)
    )

    /// Words of the list that are names of people too, and stay in the words of protocols only.
    private static let alsoNames: Set = ["mark", "may", "will", "grok", "gemini", "carrier", "tunnel"]

    /// The voices of the makers. Other voices may be copies of a person's.
    static let voices: Set = [
        "alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse", "ara", "eve", "leo",
        "rex", "sal", "achernar", "achird", "algenib", "algieba", "alnilam", "aoede", "autonoe", "callirrhoe", "charon",
        "despina", "enceladus", "erinome", "fenrir", "gacrux", "iapetus", "kore", "laomedeia", "leda", "orus", "puck",
        "pulcherrima", "rasalgethi", "sadachbia", "sadaltager", "schedar", "sulafat", "umbriel", "vindemiatrix",
        "zephyr", "zubenelgenubi",
    ]

    /// Members whose texts are words of protocols and of settings.
    static let worded: Set = [
        "type", "what", "event", "status", "object", "role", "format", "mimeType", "mime_type", "encoding", "track",
        "tracks", "model", "provider", "code", "param", "modality", "modalities", "responseModalities",
        "output_modalities", "direction", "progress", "report", "source", "news", "outcome", "answer", "leg", "author",
        "version", "protocol", "speaker", "scheduling", "behavior", "connect_policy", "greeting_policy", "barge_in",
        "resampler", "turnCompleteReason", "interruptionReason", "finishReason", "phase", "tool_choice", "truncation",
        "on_failure", "effort", "eagerness", "mode", "start_sensitivity", "end_sensitivity", "turn_coverage",
        "thinking_level", "noise_reduction", "context_compression", "max_output_tokens", "machine_detection",
        "on_machine", "tracing", "input_format", "output_format", "input_audio_format", "output_audio_format",
    ]

    /// Members whose numbers stay, besides those that ``isFigure(_:)`` knows by their ends.
    private static let figures: Set = [
        "rate", "sampleRate", "sample_rate", "socket_rate", "channels", "socket", "line", "transfer", "code",
        "carrier_code", "times", "maximum", "minimum_turns", "maximum_turns", "warn_score", "end_score",
        "agent_attempts", "threshold", "speed", "strength", "retention_ratio", "post_instructions", "seconds",
        "sequenceNumber", "sequence_number", "chunk", "timestamp", "limit", "remaining", "reset_seconds", "temperature",
        "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minimum",
    ]

    /// True for members whose numbers are sizes, lengths and places. They identify no person.
    static func isFigure(_ key: String) -> Bool {
        figures.contains(key)
            || ["_ms", "Ms", "_tokens", "Tokens", "TokenCount", "tokenCount", "_index"].contains(where: key.hasSuffix)
    }

    // MARK: Keeping

    /// True if every word of a member's name is in the list: `customParameters`, `audio_start_ms`.
    static func isKnown(member name: String) -> Bool {
        var part = ""
        for character in name {
            guard character.isASCII else { return false }
            if character.isLetter || character.isNumber {
                if character.isUppercase, part.last?.isLowercase == true {
                    guard isKnown(word: part) else { return false }
                    part = ""
                }
                part.append(character)
            } else {
                guard isKnown(word: part) else { return false }
                part = ""
            }
        }
        return isKnown(word: part)
    }

    private static func isKnown(word: String) -> Bool {
        word.isEmpty || all.contains(word.lowercased()) || abbreviations.contains(word)
    }

    /// `callSid`, `mediaFormat` with initials.
    private static let abbreviations: Set = ["Sid", "SID", "sid", "ID", "IDs", "URL", "MIME", "VAD"]

    /// A text of a protocol, with the parts replaced that are not in the list.
    static func masked(_ text: String, _ words: WordDisguise) -> String {
        mapped(text) { part, _ in
            if part.allSatisfy({ $0.isASCII && $0.isNumber }) { return part.count <= 5 ? part : words.replace(part) }
            return all.contains(part.lowercased()) ? part : words.replace(part)
        }
    }

    /// A machine's report of a fault, with the words replaced that are not in the list. Of numbers, the codes of
    /// sockets and of HTTP stay, and lengths of time.
    static func maskedReport(_ text: String, _ words: WordDisguise) -> String {
        mapped(text) { part, next in
            let word = part.lowercased()
            if part.contains(where: \.isNumber) {
                return codes.contains(part) || isTime(part, next) ? part : words.replace(part)
            }
            return isKnown(member: part) && !alsoNames.contains(word) ? part : words.replace(part)
        }
    }

    /// True for `2s`, `1m3`, and for the `1` of `1.2s`: with "try again in 1.2s" a provider says when to try again.
    private static func isTime(_ part: String, _ next: Substring) -> Bool {
        let digits = part.prefix { $0.isASCII && $0.isNumber }
        guard (1...3).contains(digits.count) else { return false }
        let rest = part.dropFirst(digits.count)
        if rest.isEmpty {
            guard next.first == "." else { return false }
            let fraction = next.dropFirst().prefix { $0.isLetter || $0.isNumber }
            return isTime(String(fraction), "")
        }
        if rest == "ms" || rest == "s" || rest == "m" || rest == "h" { return true }
        return (rest.first == "m" || rest.first == "h")
            && (rest.dropFirst().allSatisfy(\.isNumber) && next.first == "." || isTime(String(rest.dropFirst()), next))
    }

    private static let codes: Set<String> = Set(
        ((1000...1015).map { $0 } + [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504]).map { "\($0)" }
    )

    /// - Parameter replacement: called with each part of letters and digits, and with what follows it.
    private static func mapped(_ text: String, _ replacement: (String, Substring) -> String) -> String {
        var result = ""
        var rest = text[...]
        while let first = rest.first {
            let part = rest.prefix { $0.isLetter || $0.isNumber }
            guard !part.isEmpty else {
                result.append(WordDisguise.shown(first))
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst(part.count)
            result += replacement(String(part), rest)
        }
        return result
    }
}
