import TalkpathCore
import TalkpathStore
import TalkpathWire
import Testing

/// What every store must do; see ``CallStore``.
@Suite struct CallStoreContractTests {
    @Test(arguments: TestStore.allCases)
    func `a call that is unknown is not found`(_ kind: TestStore) async throws {
        try await kind.run { store in
            let found = try await store.find(CallID("nobody"))
            #expect(found == nil)
        }
    }

    @Test(arguments: TestStore.allCases)
    func `a saved call comes back as it was but for the key`(_ kind: TestStore) async throws {
        try await kind.run { store in
            let call = SampleCalls.ended("one")
            try await store.save(call)
            let found = try #require(try await store.find(call.id))
            #expect(found == SampleCalls.kept(call))
            #expect(found.agent.apiKey.isEmpty)
        }
    }

    @Test(arguments: TestStore.allCases)
    func `a journalled call is found and is no ended one`(_ kind: TestStore) async throws {
        try await kind.run { store in
            let call = SampleCalls.live("one")
            try await store.journal(call)
            let found = try await store.find(call.id)
            let ended = try await store.recent(limit: 10)
            #expect(found == SampleCalls.kept(call))
            #expect(ended.isEmpty)
        }
    }

    @Test(arguments: TestStore.allCases)
    func `the journal takes nothing back`(_ kind: TestStore) async throws {
        try await kind.run { store in
            try await store.journal(SampleCalls.live("one", carrierCallID: "CA1"))
            try await store.journal(SampleCalls.live("one"))
            let live = try await store.find(CallID("one"))
            #expect(live?.carrierCallID == "CA1")

            let ended = SampleCalls.ended("one")
            try await store.save(ended)
            try await store.journal(SampleCalls.live("one", carrierCallID: "CA1"))
            let found = try await store.find(CallID("one"))
            #expect(found == SampleCalls.kept(ended))
        }
    }

    @Test(arguments: TestStore.allCases)
    func `a name that comes after the end is taken`(_ kind: TestStore) async throws {
        try await kind.run { store in
            let ended = SampleCalls.ended("one", carrierCallID: nil, confirmed: false)
            try await store.save(ended)
            try await store.journal(SampleCalls.live("one", carrierCallID: "CA9"))
            let found = try #require(try await store.find(CallID("one")))
            #expect(found.carrierCallID == "CA9")
            #expect(found.receipt == ended.receipt)
            #expect(found.transcript == ended.transcript)
        }
    }

    @Test(arguments: TestStore.allCases)
    func `an update replaces the record of a saved call only`(_ kind: TestStore) async throws {
        try await kind.run { store in
            var call = SampleCalls.ended("one", confirmed: false)
            try await store.update(call)
            let before = try await store.find(call.id)
            #expect(before == nil)
            try await store.save(call)
            call.receipt?.carrierConfirmed = true
            try await store.update(call)
            let after = try await store.find(call.id)
            #expect(after == SampleCalls.kept(call))
        }
    }

    @Test(arguments: TestStore.allCases)
    func `pages go through all calls once in both orders`(_ kind: TestStore) async throws {
        try await kind.run { store in
            // Three of each second, so that pages end between calls of the same time.
            let calls = (0..<12).map { SampleCalls.ended("c\($0 % 10)-\($0)", startedAt: SampleCalls.noon + $0 / 3) }
            for call in calls.shuffled() { try await store.save(call) }
            let newestFirst = calls.sorted {
                ($0.startedAt.milliseconds, $0.id.text) > ($1.startedAt.milliseconds, $1.id.text)
            }
            for order in [CallQuery.Order.newestFirst, .oldestFirst] {
                var query = CallQuery()
                query.limit = 5
                query.order = order
                var seen: [CallSnapshot] = []
                var sizes: [Int] = []
                repeat {
                    let page = try await store.calls(matching: query)
                    seen += page.calls
                    sizes.append(page.calls.count)
                    query.cursor = page.next
                } while query.cursor != nil
                let expected = order == .newestFirst ? newestFirst : newestFirst.reversed()
                #expect(seen == expected.map(SampleCalls.listed))
                #expect(sizes == [5, 5, 2])
            }
            var query = CallQuery()
            query.limit = 4
            query.offset = 8
            let page = try await store.calls(matching: query)
            let count = try await store.count(matching: query)
            #expect(page.calls == newestFirst.suffix(4).map(SampleCalls.listed))
            #expect(page.next == nil)
            #expect(count == 12)
        }
    }

    @Test(arguments: TestStore.allCases)
    func `every filter leaves the calls it names`(_ kind: TestStore) async throws {
        try await kind.run { store in
            let plain = SampleCalls.ended("plain")
            var other = SampleCalls.ended(
                "other",
                tenant: "acme",
                carrierCallID: "CA2",
                startedAt: SampleCalls.noon + 60
            )
            other.direction = .inbound
            other.status = .noAnswer
            other.from = "+493012345"
            other.to = "+14155550199"
            other.agent.id = "sales"
            other.metadata = ["note": "Rückruf_100%"]
            try await store.save(plain)
            try await store.save(other)

            func found(_ set: (inout CallQuery) -> Void) async throws -> [String] {
                var query = CallQuery()
                set(&query)
                let names = try await store.calls(matching: query).calls.map(\.id.text)
                let count = try await store.count(matching: query)
                #expect(count == names.count)
                return names
            }
            #expect(try await found { _ in } == ["other", "plain"])
            #expect(try await found { $0.tenant = "acme" } == ["other"])
            #expect(try await found { $0.agentID = "support" } == ["plain"])
            #expect(try await found { $0.statuses = [.noAnswer, .busy] } == ["other"])
            #expect(try await found { $0.statuses = [.noAnswer, .completed] } == ["other", "plain"])
            #expect(try await found { $0.direction = .inbound } == ["other"])
            #expect(try await found { $0.from = "+14155550100" } == ["plain"])
            #expect(try await found { $0.to = "+14155550199" } == ["other"])
            #expect(try await found { $0.since = SampleCalls.noon + 60 } == ["other"])
            #expect(try await found { $0.until = SampleCalls.noon + 60 } == ["plain"])
            #expect(try await found { $0.search = "ADA" } == ["plain"])
            #expect(try await found { $0.search = "30123" } == ["other"])
            #expect(try await found { $0.search = "ca2" } == ["other"])
            #expect(try await found { $0.search = "f_100%" } == ["other"])
            #expect(try await found { $0.search = "fx100" } == [])
            #expect(try await found { $0.search = "' OR 1=1 --" } == [])
            #expect(
                try await found {
                    $0.tenant = "acme"; $0.direction = .outbound
                } == []
            )
        }
    }

    @Test(arguments: TestStore.allCases)
    func `many at once are all kept`(_ kind: TestStore) async throws {
        try await kind.run { store in
            try await withThrowingTaskGroup { group in
                for number in 0..<50 {
                    group.addTask {
                        let id = "call-\(number)"
                        try await store.journal(SampleCalls.live(id))
                        try await store.save(SampleCalls.ended(id, carrierCallID: "CA\(number)"))
                        try await store.journal(SampleCalls.live(id, carrierCallID: "CA\(number)"))
                    }
                }
                try await group.waitForAll()
            }
            let count = try await store.count(matching: CallQuery())
            #expect(count == 50)
        }
    }

    @Test func `a cursor is read as it was written and nothing else is`() {
        let cursor = CallCursor(startedAt: SampleCalls.noon, id: CallID("a_b"))
        #expect(CallCursor(text: cursor.text) == cursor)
        for text in ["", "_", "x_y", "12", "12_"] { #expect(CallCursor(text: text) == nil) }
    }
}
