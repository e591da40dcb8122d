package import TalkpathCore

/// Pairs of an event and a state that cannot occur, each with the reason. Coverage does not require them. A run that
/// visits one has found a fault, in the session or in the reason.
package enum UnreachablePairs {
    private struct Rule: Sendable {
        var why: String
        var inputs: Set<SessionInput>
        var parts: Set<SessionPart>
    }

    /// The reason why `input` cannot find a call in that state; `nil` if it can.
    package static func reason(_ input: SessionInput, _ part: SessionPart) -> String? {
        rules.first { $0.inputs.contains(input) && $0.parts.contains(part) }?.why
    }

    /// The reason why `input` cannot find a call in one of the parts of `state`.
    static func reason(_ input: SessionInput, in state: SessionState) -> (part: SessionPart, why: String)? {
        for part in [.carrier(state.carrier), .media(state.media), .agent(state.agent), .life(state.life)]
            as [SessionPart]
        {
            if table[Pair(input: input, part: part)] != nil, let why = reason(input, part) {
                return (part, why)
            }
        }
        return nil
    }

    private struct Pair: Hashable {
        var input: SessionInput
        var part: SessionPart
    }

    /// A fast lookup of the pairs in the rules.
    private static let table: [Pair: Bool] = rules.reduce(into: [:]) { table, rule in
        for input in rule.inputs {
            for part in rule.parts { table[Pair(input: input, part: part)] = true }
        }
    }

    private static func never(
        _ inputs: [SessionInput],
        when parts: [SessionPart],
        _ why: String
    ) -> Rule {
        Rule(why: why, inputs: Set(inputs), parts: Set(parts))
    }

    /// The reason why `ender` cannot find `activity` under way; `nil` if it can.
    package static func reason(_ ender: SimulatedEnder, during activity: CallActivity) -> String? {
        switch (ender, activity) {
        case (.agentsTool, .fallingBack), (.agentGone, .fallingBack), (.agentFault, .fallingBack):
            "the model is lost for good"
        case (.agentsTool, .transferred), (.agentGone, .transferred), (.agentFault, .transferred):
            "the agent is let go when the other party answers"
        default: nil
        }
    }

    // MARK: Groups

    private static let all = SessionInput.all
    private static let news: [SessionInput] = [.initiated, .ringing, .answered, .over, .carrierReported]
    private static let ofSockets: [SessionInput] = [
        .agentOpened, .agentReady, .agentConnectFailed, .agentLost, .agentFault, .agentClosed, .agentGoingAway,
        .quietCame, .toolCalled,
        .timer(.agentSetup), .timer(.agentRetry), .timer(.renewal), .timer(.closeAgent),
    ]
    private static let ofHangUp: [SessionInput] = [
        .hungUp, .hangUpFailed, .timer(.hangUpRetry), .timer(.lateHangUp),
    ]
    private static let ofEnding: [SessionInput] = [
        .recordSaved, .abandoned, .timer(.hangUp), .timer(.closeAgent), .timer(.goodbye), .timer(.closeMedia),
        .timer(.streamReport), .timer(.saveRecord),
    ]
    private static let ofAftermath: [SessionInput] = [
        .recordUpdated, .givenUp, .timer(.lateHangUp), .timer(.lateName), .timer(.updateRecord),
    ]
    private static let whileLive: [SessionInput] = [
        .streamStarted, .agentOpened, .agentReady, .agentFault, .timer(.maxDuration), .timer(.queue), .timer(.ringing),
        .timer(.media),
        .timer(.agentSetup), .timer(.agentRetry), .timer(.drain), .timer(.transfer), .timer(.renewal), .agentSilent,
        .agentGoingAway, .quietCame, .toolCalled, .keyPressed,
    ]
    private static let liveLives: [SessionPart] = [.life(.live), .life(.draining)]
    private static let overLives: [SessionPart] = [.life(.ending), .life(.ended), .life(.retired)]
    private static let openAgents: [SessionPart] = [
        .agent(.none), .agent(.connecting), .agent(.settingUp), .agent(.ready), .agent(.waiting),
    ]
    private static let gone: [SessionPart] = [.carrier(.over), .carrier(.refused), .carrier(.unknown)]

    // MARK: Rules

    private static let rules: [Rule] = beginning + carrier + transfer + media + agent + life

    private static let beginning: [Rule] = [
        never(all.filter { $0 != .begin }, when: [.carrier(.unplaced)], "a session is begun as soon as it is made"),
        never(
            [.begin],
            when: SessionPart.all.filter {
                ![
                    .carrier(.absent), .carrier(.unplaced), .carrier(.ringing), .media(.none), .agent(.none),
                    .life(.live),
                ].contains($0)
            },
            "a session is begun once, before anything else"
        ),
    ]

    private static let carrier: [Rule] = [
        never(
            news + ofHangUp + [
                .placed, .placingFailed, .recordUpdated, .timer(.queue), .timer(.ringing), .timer(.hangUp),
                .timer(.goodbye), .timer(.streamReport), .timer(.lateName), .timer(.updateRecord),
            ],
            when: [.carrier(.absent)],
            "a call without a carrier gets no reports from one and asks none"
        ),
        never(
            news + [.placed, .placingFailed, .timer(.hangUp)] + ofHangUp + ofAftermath.filter { $0 != .givenUp },
            when: [.carrier(.refused)],
            "a call that was refused does not exist"
        ),
        never(
            [.placingFailed],
            when: [.carrier(.unknown)],
            "a request to place a call is answered once"
        ),
        never(
            ofHangUp,
            when: [.carrier(.placing), .carrier(.unknown)],
            "a call without a carrier's ID cannot be hung up, and an ID is never forgotten"
        ),
        never([.timer(.hangUp)], when: gone, "the step is over by then"),
        never(
            [.timer(.hangUpRetry), .timer(.lateHangUp)],
            when: [.carrier(.over)],
            "there is nothing left to hang up"
        ),
        never(
            [.timer(.goodbye)],
            when: [
                .carrier(.placing), .carrier(.queued), .carrier(.ringing), .carrier(.answered), .carrier(.refused),
                .carrier(.unknown),
            ],
            "the session waits for the carrier's stop message only after the carrier has confirmed the end"
        ),
        never(
            [.timer(.lateName)],
            when: [.carrier(.queued), .carrier(.ringing), .carrier(.answered), .carrier(.over)],
            "the carrier's ID is known"
        ),
        never(
            [.recordUpdated, .timer(.updateRecord)],
            when: [
                .carrier(.placing), .carrier(.queued), .carrier(.ringing), .carrier(.answered), .carrier(.unknown),
            ],
            "a record is updated only when the carrier has confirmed the end"
        ),
        never(
            whileLive,
            when: gone,
            "a call that its carrier has ended or transferred is already ending"
        ),
        never(
            [.timer(.ringing)],
            when: [.carrier(.placing), .carrier(.queued), .carrier(.answered)],
            "the timer is armed by the first ring, and disarmed by the answer"
        ),
        never(
            [.timer(.queue)],
            when: [
                .carrier(.ringing), .carrier(.answered), .agent(.connecting), .agent(.settingUp), .agent(.ready),
                .agent(.waiting),
            ],
            "the timer is disarmed by the first ring or the answer, which open the agent"
        ),
        never(
            [.timer(.streamReport)],
            when: [
                .carrier(.placing), .carrier(.queued), .carrier(.ringing), .carrier(.refused), .carrier(.unknown),
            ],
            "only an answered caller can hang up"
        ),
        never(
            [.timer(.streamReport)],
            when: [.media(.started), .media(.stopped)],
            "the receipt waits for the report once the media socket is closed, and no longer than that may take"
        ),
        never(
            [.carrierReported],
            when: [.carrier(.placing), .carrier(.unknown)],
            "a report brings the carrier's ID, by which the call is known first"
        ),
    ]

    private static let ofTransfers: [SessionInput] = [
        .transferBegan, .redirected, .redirectFailed, .transferAnswered, .transferEnded, .timer(.transfer),
    ]

    private static let transfer: [Rule] = [
        never(
            ofTransfers + [.agentSilent],
            when: [
                .carrier(.placing), .carrier(.queued), .carrier(.ringing), .carrier(.refused), .carrier(.unknown),
                .agent(.none),
            ],
            "a caller who is not connected cannot be talked to or transferred"
        ),
        never(
            [.transferBegan, .timer(.transfer), .agentSilent],
            when: [.media(.none)],
            "a caller whose stream is still to come is not transferred, and only the stream itself is waited for"
        ),
        never(ofTransfers, when: [.carrier(.absent)], "there is no carrier to ask"),
        never(
            [.transferAnswered],
            when: [.media(.none)],
            "a transfer that was answered does not bring the caller back"
        ),
        never(
            [.transferBegan],
            when: [
                .carrier(.over), .media(.stopped), .media(.closed), .agent(.closed), .life(.draining), .life(.ending),
                .life(.ended), .life(.retired),
            ],
            "the session refuses the request first"
        ),
        never(
            [.agentSilent],
            when: [
                .carrier(.placing), .carrier(.queued), .carrier(.ringing), .media(.none), .media(.stopped),
                .media(.closed), .agent(.none), .agent(.connecting), .agent(.settingUp), .agent(.waiting),
                .life(.draining),
            ],
            "the guard watches a conversation with an agent that is ready"
        ),
    ]

    private static let media: [Rule] = [
        never(
            [.streamStarted],
            when: [.media(.started), .media(.stopped), .media(.closed)],
            "a call has one media socket at a time; another is refused by the session"
        ),
        never(
            [.streamStopped, .keyPressed],
            when: [.media(.none)],
            "a socket belongs to the call from its start message on"
        ),
        never([.streamStopped, .keyPressed], when: [.media(.closed)], "a closed socket sends nothing"),
        never(
            [.streamStopped, .mediaClosed, .keyPressed],
            when: [
                .carrier(.placing), .carrier(.queued), .carrier(.ringing), .carrier(.refused), .carrier(.unknown),
                .agent(.none),
            ],
            "media proves an answer, and an answer opens the agent"
        ),
        never(
            [.timer(.closeMedia), .timer(.drain)],
            when: [
                .carrier(.placing), .carrier(.queued), .carrier(.ringing), .carrier(.refused), .carrier(.unknown),
                .agent(.none),
            ],
            "only started media can be closed or drained, and media proves an answer"
        ),
        never([.timer(.drain)], when: [.media(.none)], "only started media can be drained"),
        never(
            [.timer(.media), .timer(.queue), .timer(.ringing)],
            when: [.media(.started), .media(.stopped), .media(.closed)],
            "the timer is disarmed when media begins"
        ),
        never(
            [.timer(.media)],
            when: [.carrier(.placing), .carrier(.queued), .agent(.none)],
            "the session waits for media from the answer or a call's arrival on, and both open the agent"
        ),
        never(
            [.timer(.goodbye)],
            when: [.media(.none), .media(.stopped), .media(.closed)],
            "the session waits for a stop message only while media runs"
        ),
        never(
            [.timer(.lateName)],
            when: [.media(.started), .media(.stopped), .media(.closed)],
            "the media's start message gives the carrier's ID"
        ),
    ]

    private static let agent: [Rule] = [
        never(
            ofSockets,
            when: [
                .carrier(.placing), .carrier(.queued), .carrier(.refused), .carrier(.unknown), .agent(.none),
            ],
            "the agent is opened at the first ring or later"
        ),
        never(
            [.agentOpened],
            when: [.agent(.settingUp), .agent(.ready), .agent(.waiting)],
            "one socket is opened at a time, and an unwanted one is not reported"
        ),
        never(
            [.agentReady],
            when: [.agent(.connecting), .agent(.ready), .agent(.waiting)],
            "only the agent's own socket counts, and it reports ready once"
        ),
        never(
            [.agentFault, .agentGoingAway, .toolCalled],
            when: [.agent(.connecting), .agent(.waiting)],
            "only the agent's own socket counts"
        ),
        never([.timer(.agentSetup)], when: [.agent(.ready), .agent(.waiting)], "the timer is disarmed"),
        never(
            [.timer(.renewal), .quietCame],
            when: [.agent(.connecting), .agent(.settingUp), .agent(.waiting)],
            "the timer is armed only while the agent is ready"
        ),
        never(
            [.timer(.agentRetry)],
            when: [.agent(.connecting), .agent(.settingUp), .agent(.ready)],
            "the timer is armed only while the agent is waiting for a retry"
        ),
    ]

    private static let life: [Rule] = [
        never(whileLive, when: overLives + [.agent(.closed)], "the end disarms the timer, or ignores the event"),
        never(
            ofHangUp + ofEnding + ofAftermath,
            when: liveLives + openAgents,
            "the event comes with the end or after it"
        ),
        never(ofAftermath, when: [.life(.ending)], "the event comes after the end"),
        never(
            ofEnding.filter { ![.recordSaved, .abandoned].contains($0) } + [.timer(.hangUpRetry)],
            when: [.life(.ended), .life(.retired)],
            "the end disarms the timer"
        ),
        never(
            [.timer(.lateHangUp), .timer(.lateName), .timer(.updateRecord)],
            when: [.life(.retired)],
            "a retired session waits for nothing"
        ),
        never([.quietCame], when: [.life(.draining)], "a drain ends at the first quiet moment"),
        never(
            [.streamStarted],
            when: [.life(.draining)],
            "a drain needs media, and there is one media socket at a time"
        ),
        never([.timer(.media), .timer(.queue), .timer(.ringing)], when: [.life(.draining)], "a drain needs media"),
        never([.timer(.drain)], when: [.life(.live)], "the timer is armed by the drain"),
    ]
}
