import AsyncHTTPClient
import NIOCore
import NIOPosix
import TalkpathCore
import TalkpathSimulators
import TalkpathTesting
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Our own carrier keeps the contract that an embedder's carrier is checked by; see ``Carrier``.
@Suite struct TwilioCarrierContractTests {
    @Test(arguments: [false, true])
    func `Twilio as a carrier keeps every rule`(isByTenants: Bool) async throws {
        try await StageGate.shared.admit {
            let stage = try await TwilioStage.start(isByTenants: isByTenants)
            let report = await CarrierContract.check(stage, patience: .seconds(30))
            try await stage.shutDown()
            #expect(report.isKept && report.unchecked.isEmpty, "\(report)")
        }
    }
}

/// Twilio as a carrier, and the fake of it.
private struct TwilioStage: CarrierStage {
    private static let accountSID = "AC00000000000000000000000000000001"
    private static let authToken = "12345678901234567890123456789012"

    let twilio: FakeTwilio
    let client: HTTPClient
    let isByTenants: Bool
    /// A port where nothing listens.
    let closedPort: Int

    static func start(isByTenants: Bool) async throws -> TwilioStage {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let closedPort = listener.localAddress?.port ?? 9
        try await listener.close()
        // It rings until it is hung up, and tells nobody.
        var configuration = FakeTwilioConfiguration(
            accountSID: accountSID,
            authToken: authToken,
            connectTo: "127.0.0.1:\(closedPort)",
            behavior: CallBehavior(outcome: .noAnswer(ringing: .seconds(600)))
        )
        configuration.webhookTimeout = .milliseconds(100)
        return TwilioStage(
            twilio: try await FakeTwilio.start(configuration),
            client: HTTPClient(
                eventLoopGroupProvider: .singleton,
                configuration: TwilioCarrier.clientConfiguration
            ),
            isByTenants: isByTenants,
            closedPort: closedPort
        )
    }

    func shutDown() async throws {
        await twilio.shutdown()
        try await client.shutdown()
    }

    func carrier(_ condition: VendorCondition) async throws -> (any Carrier)? {
        await twilio.recover()
        var address = twilio.baseURL
        switch condition {
        case .healthy: break
        case .refusing: await inject(.fail(status: 400, code: 21_211, message: "+14155550101 is not a valid number"))
        case .refusingKey: await inject(.fail(status: 401, code: 20_003, message: "Authenticate"))
        case .overloaded(let retryAfter):
            await inject(.tooManyRequests(retryAfter: Int(retryAfter.components.seconds)))
        case .unreachable: address = "http://127.0.0.1:\(closedPort)"
        case .losingAnswers: await inject(.performAndDrop)
        case .silent: await inject(.ignore)
        }
        let account = try TwilioAccount(
            accountSID: Self.accountSID,
            authToken: Self.authToken,
            baseURL: address
        )
        let origin = PublicOrigin("https://voice.example.test", allowsPlain: false)
        let carrier = TwilioCarrier(account: account, client: client, allowsPlain: false) { origin }
        guard isByTenants else { return carrier }
        return TenantCarriers(shared: nil, own: ["acme": carrier], destinations: Destinations(prefixes: ["+1"]))
    }

    private func inject(_ action: RESTFault.Action) async {
        await twilio.inject(RESTFault(action, times: nil))
    }

    func request(for call: CallID) -> PlaceCallRequest {
        PlaceCallRequest(
            callID: call,
            tenant: isByTenants ? "acme" : "",
            from: "+14155550100",
            to: "+14155550101",
            ringTimeout: .seconds(600),
            timeLimit: .seconds(3600),
            publicURL: nil
        )
    }

    func calls() async throws -> [VendorCall] {
        await twilio.records().map { VendorCall($0.sid, isLive: !$0.isOver) }
    }

    func partyHangsUp(_ carrierCallID: String) async throws { await twilio.hangUp(carrierCallID) }

    var unknownCallID: String { "CA00000000000000000000000000000000" }
    var secrets: [String] { [Self.authToken] }
}
