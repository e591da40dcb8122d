/// One turn of the conversation, or a part of one.
public struct TranscriptEntry: Equatable, Sendable {
    public enum Speaker: String, Sendable {
        case caller = "user"
        case agent = "assistant"
    }

    public var speaker: Speaker
    /// The words as the model reports them, also those that the caller has not heard. See ``heardText``.
    public var text: String
    /// Since the call started.
    public var milliseconds: Int
    /// The agent was cut short while saying this; how much of it the caller heard.
    public var heardMilliseconds: Int?
    /// The agent was cut short while saying this; the length of the audio that its model had made of it. `nil` in
    /// records of versions without it, and where it is not known.
    public var producedMilliseconds: Int?
    /// From 1 on, in the order in which turns became known. A corrected turn keeps its number. 0 in records of versions
    /// without numbers.
    public var number: Int

    public init(
        speaker: Speaker,
        text: String,
        milliseconds: Int,
        heardMilliseconds: Int? = nil,
        producedMilliseconds: Int? = nil,
        number: Int = 0
    ) {
        self.speaker = speaker
        self.text = text
        self.milliseconds = milliseconds
        self.heardMilliseconds = heardMilliseconds
        self.producedMilliseconds = producedMilliseconds
        self.number = number
    }

    /// The agent said it, and the caller has not heard it to its end.
    public var isCut: Bool { heardMilliseconds != nil }

    /// The words that the caller has heard: all of ``text``, unless the agent was cut short.
    ///
    /// Models do not say when each word is spoken. The share of the characters is taken to be the share of the audio, and a
    /// word that was begun is left out. Empty if nothing was heard.
    public var heardText: String {
        guard let heardMilliseconds else { return text }
        guard heardMilliseconds > 0 else { return "" }
        guard let producedMilliseconds, producedMilliseconds > heardMilliseconds else { return text }
        let share = Double(heardMilliseconds) / Double(producedMilliseconds)
        return text.wholeWords(within: Int(Double(text.count) * share))
    }

    /// The words for a model that reads the conversation: those that the caller has heard; `nil` if there are none.
    package var textForModel: String? {
        guard isCut else { return text }
        return heardText.isEmpty ? nil : heardText + " … [interrupted]"
    }
}

extension String {
    /// The longest beginning of at most `count` characters that ends with a whole word. Writing without spaces between
    /// words is divided between any two characters.
    func wholeWords(within count: Int) -> String {
        guard let end = index(startIndex, offsetBy: max(0, count), limitedBy: endIndex), end < endIndex else {
            return self
        }
        var part = self[..<end]
        if !self[end].isWhitespace, let space = part.lastIndex(where: \.isWhitespace) {
            part = part[..<space]
        } else if !self[end].isWhitespace, contains(where: \.isWhitespace) {
            // Not even the first word was heard to its end.
            part = ""
        }
        while part.last?.isWhitespace == true { part.removeLast() }
        return String(part)
    }
}
