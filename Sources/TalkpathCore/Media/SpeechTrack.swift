import TalkpathAudio
import TalkpathWire

/// Divides the track of a model that sends without a pause, silence included, into utterances, and the words of both
/// sides into turns: the model's protocol has neither.
///
/// Positions are bytes of the track since the present socket began, in the telephony leg's format. Allocates nothing.
struct SpeechTrack {
    enum Change: Equatable {
        case began(AgentItem)
        /// The model has fallen silent. `milliseconds` is the length up to its last sound.
        case ended(AgentItem, milliseconds: Int)
    }

    private struct Words {
        var item: AgentItem
        /// The position at which the latest of them came.
        var latest: Int64
    }

    /// The utterance under way.
    private(set) var current: AgentItem?
    private var position: Int64 = 0
    private var began: Int64 = 0
    private var lastSound: Int64 = 0
    /// The number of the present socket's first item, and of the next utterance on it.
    private var base = 0
    private var next = 0
    private var agentWords: Words?
    private var callerWords: Words?
    private var callerTurns = 0
    /// The distance of the model's clock from the track, learnt from the first words.
    private var skew: Int64?
    private let rate: Int64

    /// The silence that ends an utterance.
    static let pause = 600
    /// Words that come so long after the latest ones begin a turn of their own.
    static let wordPause = 1200
    /// The time by which words may be placed too early or too late.
    private static let slack = 400

    init(format: AudioFormat) {
        rate = Int64(max(1, format.bytesPerMillisecond))
    }

    /// A socket begins, with a clock of its own.
    ///
    /// - Parameter base: its first item's number in the call.
    mutating func socketBegan(base: Int) {
        self = SpeechTrack(rate: rate, base: base)
    }

    private init(rate: Int64, base: Int) {
        self.rate = rate
        self.base = base
    }

    // MARK: Sound

    /// Takes in the next piece of the track, of 20 ms at most.
    mutating func hear(_ bytes: Int, isSilent: Bool) -> Change? {
        defer { position += Int64(bytes) }
        if !isSilent {
            lastSound = position + Int64(bytes)
            guard current == nil else { return nil }
            let item = AgentItem(index: base + next)
            next += 1
            current = item
            began = position
            return .began(item)
        }
        guard let item = current, position + Int64(bytes) - lastSound >= Int64(Self.pause) * rate else { return nil }
        current = nil
        return .ended(item, milliseconds: Int((lastSound - began) / rate))
    }

    // MARK: Words

    /// The item of words of the agent.
    ///
    /// - Parameter start: their time on the model's clock, in milliseconds.
    /// - Returns: also the item whose words are complete by that.
    mutating func placeAgentWords(at start: Int?) -> (item: AgentItem, finished: AgentItem?) {
        let index = utterance(at: start)
        let item = AgentItem(index: base + index)
        defer { agentWords = Words(item: item, latest: position) }
        guard let open = agentWords?.item, open != item else { return (item, nil) }
        return (item, open)
    }

    private mutating func utterance(at start: Int?) -> Int {
        guard next > 0 else { return 0 }
        guard let start else { return next - 1 }
        let time = Int64(min(start, 1 << 40)) * rate
        let skew = skew ?? (next == 1 ? time - began : 0)
        self.skew = skew
        let place = time - skew
        let slack = Int64(Self.slack) * rate
        if current != nil { return place + slack < began && next > 1 ? next - 2 : next - 1 }
        // Words may come before their sound.
        return place > lastSound + slack ? next : next - 1
    }

    /// The item of words of the caller.
    mutating func placeCallerWords() -> AgentItem {
        if callerWords == nil {
            callerWords = Words(item: AgentItem(index: base + callerTurns), latest: position)
            callerTurns += 1
        }
        callerWords?.latest = position
        return callerWords?.item ?? AgentItem(index: base)
    }

    /// The item whose words are complete, because none have come for a while and the agent has fallen silent.
    mutating func takeFinishedAgentWords() -> AgentItem? {
        guard let words = agentWords, words.item != current, isOver(words) else { return nil }
        agentWords = nil
        return words.item
    }

    mutating func takeFinishedCallerWords() -> AgentItem? {
        guard let words = callerWords, isOver(words) else { return nil }
        callerWords = nil
        return words.item
    }

    private func isOver(_ words: Words) -> Bool { position - words.latest >= Int64(Self.wordPause) * rate }

    /// No more of this socket follows.
    ///
    /// - Returns: the items whose words are complete by that.
    mutating func socketEnded() -> (agent: AgentItem?, caller: AgentItem?) {
        defer {
            current = nil
            agentWords = nil
            callerWords = nil
        }
        return (agentWords?.item, callerWords?.item)
    }
}
