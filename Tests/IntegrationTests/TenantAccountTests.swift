import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// Two accounts at the carrier, each with its own fake: the shared account, and a tenant's.
@Suite(.timeLimit(.minutes(5))) struct TenantAccountTests {
    private static let key = "a key of sixteen or more"
    private static let account = "AC" + String(repeating: "b", count: 32)
    private static let token = "fedcba9876543210fedcba9876543210"

    private func server(shared: FakeTwilio, own: FakeTwilio, folder: String) async throws -> TalkpathServer {
        let environment = [
            "TALKPATH_HTTP_PORT": "0", "TALKPATH_LOG_LEVEL": "critical", "TALKPATH_AGENT_CONNECT": "on_answer",
            "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001",
            "TWILIO_AUTH_TOKEN": "12345678901234567890123456789012", "TWILIO_FROM_NUMBER": "+15550100100",
            "TWILIO_API_BASE_URL": shared.baseURL, "OPENAI_API_KEY": "key",
        ]
        let configuration = try ServerConfiguration.read(environment: environment, isDevelopment: true) {
            $0.storage = .init(folder: folder)
            $0.apiKeys = [.init(Self.key, tenant: "other")]
            $0.tenantTwilio = [
                "other": .init(
                    accountSID: Self.account,
                    authToken: Self.token,
                    fromNumber: "+15550100900",
                    baseURL: own.baseURL
                )
            ]
            $0.drainTimeout = .zero
            $0.limits.endBound = .milliseconds(500)
        }
        return try await TalkpathServer.start(configuration)
    }

    private func place(_ server: TalkpathServer) async throws {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/api/calls")
        request.method = .POST
        request.headers.add(name: "authorization", value: "Bearer \(Self.key)")
        request.body = .bytes(ByteBuffer(string: #"{"to":"+15550100199"}"#))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        try #require(response.status == .created)
    }

    @Test func `the next server hangs up on the tenant's account what a stopped one could not`() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("talkpath-\(UUID())").path
        let shared = try await FakeTwilio.start()
        let own = try await FakeTwilio.start(
            FakeTwilioConfiguration(
                accountSID: Self.account,
                authToken: Self.token,
                behavior: CallBehavior(outcome: .noAnswer(ringing: .seconds(60))),
                // The fake loses every hang-up of the first server.
                faults: [RESTFault(.ignore, on: .update, times: nil)]
            )
        )
        do {
            let first = try await server(shared: shared, own: own, folder: folder)
            do { try await place(first) } catch { Issue.record(error) }
            await first.shutDown()
            let sid = try #require(await own.records().first?.sid)
            #expect(await own.record(sid)?.isOver == false, "no hang-up has arrived yet")
            await own.recover()
            let second = try await server(shared: shared, own: own, folder: folder)
            let call = try? await own.waitUntilOver(sid, within: .seconds(20))
            #expect(call?.status == "canceled" || call?.status == "completed")
            await second.shutDown()
            #expect(shared.timeline.events.isEmpty, "the shared account gets no request")
        } catch {
            Issue.record(error)
        }
        await shared.shutdown()
        await own.shutdown()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
