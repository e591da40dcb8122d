package import TalkpathAudio
import TalkpathWire

/// The lane's side of what an in-process agent is given: audio and events in bounded queues. Use on the call's lane only.
///
/// It takes the messages of the protocol for agents, as a socket would send them: binary ones are audio, text ones are
/// JSON. Audio costs a copy and an atomic exchange; no lock, no allocation.
package final class AgentCallFeed {
    /// The agent's side of the queues.
    package struct Source: Sendable {
        let audio: CallerAudio
        let events: AsyncStream<AgentCallEvent>
        let answers: AgentCallAnswers
        let outputFormat: AudioFormat
    }

    /// The part of a text message that the lane acts on.
    package enum Told: Equatable {
        case nothing
        /// The caller has interrupted this response.
        case cancel(response: Int)
        /// The agent has left too many events unread.
        case full
    }

    package let source: Source
    /// The call's details, once the session has told them.
    package private(set) var start: AgentCallStart?

    private var producer: ByteRing.Producer
    private let queue: CallerAudioQueue
    private let events: AsyncStream<AgentCallEvent>.Continuation
    private let bytesPerSample: Int
    private var samples = 0

    package init(input: AudioFormat, output: AudioFormat) {
        let ring = ByteRing(minimumCapacity: AgentCall.mostCallerMilliseconds * input.bytesPerMillisecond)
        producer = ring.producer
        queue = CallerAudioQueue(ring.consumer, format: input)
        let (stream, continuation) = AsyncStream.makeStream(
            of: AgentCallEvent.self,
            bufferingPolicy: .bufferingOldest(AgentCall.mostEvents)
        )
        events = continuation
        bytesPerSample = input.bytesPerSample
        source = Source(
            audio: CallerAudio(queue: queue),
            events: stream,
            answers: AgentCallAnswers(),
            outputFormat: output
        )
    }

    /// Takes the caller's audio.
    /// - Returns: false if it was dropped, because the agent does not read.
    package func take(audio: RawSpan) -> Bool {
        // All or nothing, so that no sample is cut in two.
        let isTaken = audio.withUnsafeBytes { producer.writeWhole($0, UnsafeRawBufferPointer(start: nil, count: 0)) }
        guard isTaken else { return false }
        samples += audio.byteCount / bytesPerSample
        queue.wake()
        return true
    }

    package func take(text: RawSpan) -> Told {
        guard let json = try? JSONValue(parsing: text) else { return .nothing }
        switch json["type"]?.string {
        case "start": start = AgentCallStart(json)
        case "tool_result": source.answers.answer(json["id"]?.string ?? "", json)
        case "ended": source.answers.answer(AgentCall.endName, json)
        default: break
        }
        guard let event = AgentCallEvent(json, sample: samples) else { return .nothing }
        if case .dropped = events.yield(event) { return .full }
        if case .cancelled(let response) = event { return .cancel(response: response) }
        return .nothing
    }

    /// Nothing more comes. Repeated calls have no effect.
    package func finish() {
        producer.finish()
        queue.wake()
        events.finish()
        source.answers.finish()
    }
}
