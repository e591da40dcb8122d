import TalkpathAudio
import TalkpathCore

extension CallSession {
    /// Makes a recorded request to the call. Its recorded result is in the capture, so the result here is ignored.
    nonisolated func ask(_ event: CaptureEvent) async {
        switch event {
        case .muted(let leg): try? await mute(leg)
        case .unmuted(let leg): try? await unmute(leg)
        case .messageSent(let text, let author, let isAnswered):
            try? await send(message: text, as: author, isAnswered: isAnswered)
        case .sayRequested(let text): _ = try? await say(text)
        case .clipRequested(let bytes):
            if let clip = try? AudioClip(format: .telephony, bytes: bytes) { _ = try? await play(clip) }
        case .collectionRequested(let request): _ = try? await collectDigits(request)
        case .digitsRequested(let digits): try? await sendDigits(digits)
        case .transferRequested(let mode, let ringTimeout, let onFailure):
            // Any number will do, because no call is placed.
            let callRequest = TransferRequest(
                to: "+10000000000",
                ringTimeout: ringTimeout,
                mode: mode,
                onFailure: onFailure
            )
            _ = try? await transfer(callRequest)
        default: break
        }
    }
}
