import Logging
import NIOCore
import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathWire

/// The carrier's media socket: `/twilio/media-stream`, with the call's name behind it for calls that came by an origin
/// of their own, and where there are several lanes.
///
/// Opened to Twilio only; which call it is for, the token in its first message says. In development a socket that is
/// not signed is a new call.
struct MediaStreamRoute: Sendable {
    let state: ServerState
    let authenticity: TwilioAuthenticity

    var routes: WebSocketRoutes { WebSocketRoutes(decide) }

    private static let signatureHeaders = (value: TwilioSignature.header, settings: TwilioSignature.settingsHeader)

    /// On the port's loop.
    @Sendable private func decide(_ request: UpgradeRequest) -> UpgradeDecision {
        if let call = WebCallRoutes.call(ofMediaPath: request.path) {
            if state.configuration.isDevelopment, let objection = Self.objection(to: request) {
                return refuse(.foreign, objection)
            }
            // It has no signature, and the token in its first message names the call.
            return relay(request, of: call) ?? accept(.token, on: state.bridge.lane(of: call))
        }
        guard let target = Target(path: request.path) else {
            state.tell(unknownPath: request.path)
            return .notAWebSocket
        }
        let isDevelopment = state.configuration.isDevelopment
        if isDevelopment, let objection = Self.objection(to: request) { return refuse(.foreign, objection) }
        let signature = request.headers.first(name: Self.signatureHeaders.value)
        // Only the call's node knows all origins that the carrier may have signed.
        if isDevelopment || signature != nil, let relay = relay(request, of: target.callID) { return relay }
        if isDevelopment, signature == nil || !authenticity.isChecked {
            return accept(.open(makeCall), on: state.bridge.laneWithMostRoom)
        }
        let isGenuine = authenticity.isGenuine(
            upgrade: request.query.isEmpty ? request.path : "\(request.path)?\(request.query)",
            signature: signature,
            settings: request.headers.first(name: Self.signatureHeaders.settings),
            origins: [target.callID.flatMap(ownOrigin), state.nodes?.mediaOrigin, state.origin].compactMap(\.self)
        )
        guard isGenuine else {
            return refuse(
                .unsigned,
                signature == nil ? "The signature is missing" : "The signature is wrong",
                checked: state.origin.map { $0.webSocketText + request.path }
            )
        }
        return accept(.token, on: target.callID.flatMap(state.bridge.lane(of:)))
    }

    /// - Parameter reason: a sentence of ours; goes to the peer and to the log.
    private func refuse(_ metric: MediaRefusal, _ reason: String, checked url: String? = nil) -> UpgradeDecision {
        state.bridge.refused(metric)
        var metadata: Logger.Metadata = ["reason": "\(reason)"]
        if let url { metadata["checked_url"] = "\(url.asLogged)" }
        state.tell("A media socket was refused", cause: "media socket: \(reason)", metadata: metadata)
        return .refuse(.forbidden, body: reason)
    }

    /// - Parameter lane: the call's; `nil` where it is not known before the first message.
    private func accept(_ admission: TelephonyAdmission, on lane: MediaLane?) -> UpgradeDecision {
        let bridge = state.bridge
        return .accept(.telephony, on: lane?.eventLoop) { bridge.telephonySocket(admission: admission) }
    }

    /// The parts of the path.
    private struct Target {
        var callID: CallID?

        init?(path: String) {
            guard path.hasPrefix(TwilioAddresses.mediaStreamPath) else { return nil }
            let rest = path.dropFirst(TwilioAddresses.mediaStreamPath.count)
            if rest.isEmpty || rest == "/" { return }
            guard rest.hasPrefix("/"), !rest.dropFirst().contains("/") else { return nil }
            callID = CallID(String(rest.dropFirst()))
        }
    }

    private static func objection(to request: UpgradeRequest) -> String? {
        LoopbackGuard.objection(
            authority: request.headers.first(name: "host"),
            origin: request.headers.first(name: "origin"),
            headerNames: request.headers.lazy.map(\.name)
        )
    }

    private func ownOrigin(of id: CallID) -> PublicOrigin? {
        state.origin(state.manager.directory.session(id)?.publicURL)
    }

    /// A call that was not announced.
    @Sendable private func makeCall(_ start: TelephonyStreamStart) -> InboundCall {
        InboundCall(
            from: start.parameters["from"] ?? "",
            to: start.parameters["to"] ?? "",
            carrierCallID: start.carrierCallID.isEmpty ? nil : start.carrierCallID,
            agent: state.configuration.agent,
            limits: state.configuration.limits,
            tenant: ServerConfiguration.APIKey.defaultTenant
        )
    }
}
