package import TalkpathWire

/// Counts of messages that were not understood or not used, by socket.
package struct MediaCounters: Sendable, Equatable {
    package var badTelephonyMessages = 0
    package var ignoredTelephonyMessages = 0
    package var badAgentMessages = 0
    /// Messages of unknown kinds, and known ones that need no action.
    package var ignoredAgentMessages = 0
    package var messagesAfterStop = 0
    /// Of the caller's audio that an in-process agent has left unread.
    package var unreadMilliseconds = 0
    /// The first error in each socket's messages, without the message's content.
    package var firstTelephonyFault: WireError?
    package var firstAgentFault: WireError?
}
