import TalkpathCore

/// Plays the situation of one rule.
struct CallStoreCheck {
    let stage: any CallStoreStage
    let store: any CallStore
    var trial: ContractTrial<CallStoreContract.Rule>

    mutating func run() async throws {
        switch trial.rule {
        case .anUnknownCallIsNotFound: await anUnknownCallIsNotFound()
        case .aSavedCallIsFoundAgain: await isFound(ContractCalls.ended("one"))
        case .keysAreNotKept: await keysAreNotKept()
        case .aJournalledCallIsFound: await isFound(ContractCalls.live("one", carrierCallID: "CA1"))
        case .liveCallsAreNotListed: await liveCallsAreNotListed()
        case .theJournalForgetsNoName: await theJournalForgetsNoName()
        case .theJournalForgetsNoEnd: await theJournalForgetsNoEnd()
        case .aLateNameIsTaken: await aLateNameIsTaken()
        case .anUpdateReplacesTheRecord: await anUpdateReplacesTheRecord()
        case .anUpdateMakesNoRecord: await anUpdateMakesNoRecord()
        case .savingTwiceIsOneRecord: await savingTwiceIsOneRecord()
        case .listsAreInOrder: await listsAreInOrder()
        case .pagesHoldEachCallOnce: await pagesHoldEachCallOnce()
        case .offsetsLeaveOut: await offsetsLeaveOut()
        case .listsHoldNoTranscripts: await listsHoldNoTranscripts()
        case .filtersLeaveWhatTheyName: await filtersLeaveWhatTheyName()
        case .searchesTakeTextAsItStands: await searchesTakeTextAsItStands()
        case .countsIgnorePages: await countsIgnorePages()
        case .oddPagesAreHarmless: await oddPagesAreHarmless()
        case .manyAtOnceAreKept: await manyAtOnceAreKept()
        case .cancelledOperationsReturn: await cancelledOperationsReturn()
        case .theJournalOutlivesTheProcess: try await outlives(ContractCalls.live("one", carrierCallID: "CA1"))
        case .recordsOutliveTheProcess: try await outlives(ContractCalls.ended("one"))
        }
    }

    // MARK: One call

    private mutating func anUnknownCallIsNotFound() async {
        guard let found = await find("nobody") else { return }
        trial.expect(found == nil, "nothing", "an unknown call was looked for", saw: "a call")
    }

    private mutating func keysAreNotKept() async {
        for call in [ContractCalls.live("live"), ContractCalls.ended("ended")] {
            await put(call)
            guard let found = await find(call.id.text), let found else { continue }
            trial.expect(
                found.agent.apiKey.isEmpty,
                "a call without its agent's key",
                "a call was \(call.endedAt == nil ? "journalled" : "saved")",
                saw: "the key"
            )
        }
    }

    private mutating func isFound(_ call: CallSnapshot) async {
        await put(call)
        await expectFound(call, "a call was \(call.endedAt == nil ? "journalled" : "saved")")
    }

    private mutating func theJournalForgetsNoName() async {
        await put(ContractCalls.live("one", carrierCallID: "CA1"))
        await put(ContractCalls.live("one"))
        guard let found = await find("one") else { return }
        trial.expect(
            found?.carrierCallID == "CA1",
            "the name CA1",
            "a call was journalled with the carrier's name, and then without it",
            saw: found?.carrierCallID ?? "no name"
        )
    }

    private mutating func theJournalForgetsNoEnd() async {
        let call = ContractCalls.ended("one")
        await put(call)
        await put(ContractCalls.live("one", carrierCallID: "CA1"))
        await expectFound(call, "a call was saved and then journalled")
        let ended = await list { _ in }
        trial.expect(ended == ["one"], "the call in lists", "a call was saved and then journalled", saw: "\(ended)")
    }

    private mutating func aLateNameIsTaken() async {
        var call = ContractCalls.ended("one", carrierCallID: nil)
        await put(call)
        await put(ContractCalls.live("one", carrierCallID: "CA9"))
        call.carrierCallID = "CA9"
        await expectFound(call, "a saved call without a name was journalled with one")
    }

    private mutating func anUpdateReplacesTheRecord() async {
        var call = ContractCalls.ended("one")
        await put(call)
        call.receipt?.carrierConfirmed = true
        await update(call)
        await expectFound(call, "a saved call was updated")
    }

    private mutating func anUpdateMakesNoRecord() async {
        await update(ContractCalls.ended("one"))
        guard let found = await find("one") else { return }
        trial.expect(found == nil, "nothing", "a call was updated that was not saved", saw: "a call")
        let live = ContractCalls.live("two")
        await put(live)
        await update(ContractCalls.ended("two"))
        await expectFound(live, "a call was updated that was only journalled")
    }

    private mutating func savingTwiceIsOneRecord() async {
        let call = ContractCalls.ended("one")
        await put(call)
        await put(call)
        let names = await list { _ in }
        trial.expect(names == ["one"], "one record", "a call was saved twice", saw: "\(names.count) in the list")
        let count = await count { _ in }
        trial.expect(count == 1, "a count of one", "a call was saved twice", saw: "\(count)")
    }

    /// - Parameter call: as it is put into the store.
    private mutating func outlives(_ call: CallSnapshot) async throws {
        await put(call)
        guard let reopened = try await stage.reopened(store) else { throw CannotPlay() }
        let situation = "a call was \(call.endedAt == nil ? "journalled" : "saved"), and the process killed"
        if let found = await trial.need(situation, { try await reopened.find(call.id) }) {
            expect(found, is: call, situation)
        }
        await stage.discard(reopened)
    }

    // MARK: Lists

    private mutating func liveCallsAreNotListed() async {
        await put(ContractCalls.live("one"))
        let names = await list { _ in }
        trial.expect(names.isEmpty, "an empty list", "a call was journalled", saw: "\(names)")
        let count = await count { _ in }
        trial.expect(count == 0, "a count of zero", "a call was journalled", saw: "\(count)")
    }

    /// Twelve calls, three of each second, so that pages end between calls of the same time. Their names go against the
    /// order in which they are saved.
    /// - Returns: their names, the newest first.
    private mutating func putTwelve() async -> [String] {
        let calls = (0..<12).map {
            ContractCalls.ended("c\($0 % 10)-\($0)", startedAt: ContractCalls.noon + Int64($0 / 3) * 1000)
        }
        for call in calls.shuffled() { await put(call) }
        return calls.sorted { ($0.startedAt, $0.id.text) > ($1.startedAt, $1.id.text) }.map(\.id.text)
    }

    private mutating func listsAreInOrder() async {
        let newestFirst = await putTwelve()
        for order in [CallQuery.Order.newestFirst, .oldestFirst] {
            let names = await list { $0.order = order }
            let expected = order == .newestFirst ? newestFirst : newestFirst.reversed()
            trial.expect(names == expected, "\(expected)", "twelve calls were listed, \(order)", saw: "\(names)")
        }
    }

    private mutating func pagesHoldEachCallOnce() async {
        let expected = Set(await putTwelve())
        for order in [CallQuery.Order.newestFirst, .oldestFirst] {
            var query = CallQuery()
            query.order = order
            query.limit = 5
            var names: [String] = []
            var sizes: [Int] = []
            repeat {
                guard let page = await page(query) else { return }
                names += page.calls.map(\.id.text)
                sizes.append(page.calls.count)
                query.cursor = page.next
                // A cursor that leads nowhere does not hold up the check.
            } while query.cursor != nil && sizes.count < 10
            let situation = "twelve calls were listed in pages of five, \(order)"
            trial.expect(sizes == [5, 5, 2], "pages of 5, 5 and 2", situation, saw: "\(sizes)")
            trial.expect(
                names.count == expected.count && Set(names) == expected,
                "each call once",
                situation,
                saw: "\(names)"
            )
        }
    }

    private mutating func offsetsLeaveOut() async {
        let all = Set(await putTwelve())
        var query = CallQuery()
        query.limit = 8
        guard let first = await page(query) else { return }
        query.limit = 8
        query.offset = 8
        guard let last = await page(query) else { return }
        let names = (first.calls + last.calls).map(\.id.text)
        trial.expect(
            last.calls.count == 4 && Set(names) == all,
            "the four calls after the first eight",
            "twelve calls were listed with an offset of 8",
            saw: "\(last.calls.map(\.id.text)) after \(first.calls.map(\.id.text))"
        )
        trial.expect(last.next == nil, "no cursor", "the last of twelve calls were listed", saw: "a cursor")
    }

    private mutating func listsHoldNoTranscripts() async {
        await put(ContractCalls.ended("one"))
        guard let page = await page(CallQuery()) else { return }
        let turns = page.calls.reduce(0) { $0 + $1.transcript.count }
        trial.expect(turns == 0, "no transcript", "calls were listed", saw: "\(turns) turns")
    }

    private mutating func filtersLeaveWhatTheyName() async {
        await put(ContractCalls.ended("plain"))
        await put(ContractCalls.other("other"))
        let later = ContractCalls.noon + 60_000
        await expect(["other"], "tenant") { $0.tenant = "acme" }
        await expect(["plain"], "agentID") { $0.agentID = "support" }
        await expect(["other"], "statuses") { $0.statuses = [.noAnswer, .busy] }
        await expect(["other", "plain"], "two statuses") { $0.statuses = [.noAnswer, .completed] }
        await expect(["other"], "direction") { $0.direction = .inbound }
        await expect(["plain"], "from") { $0.from = "+14155550100" }
        await expect(["other"], "to") { $0.to = "+14155550199" }
        await expect(["other"], "since") { $0.since = later }
        await expect(["plain"], "until") { $0.until = later }
        await expect(["plain"], "search") { $0.search = "Ada" }
        await expect([], "tenant and direction") {
            $0.tenant = "acme"
            $0.direction = .outbound
        }
    }

    private mutating func searchesTakeTextAsItStands() async {
        await put(ContractCalls.ended("plain"))
        await put(ContractCalls.other("other"))
        await expect(["plain"], "search 'ADA'") { $0.search = "ADA" }
        await expect(["other"], "search 'ca2'") { $0.search = "ca2" }
        await expect(["other"], "search 'f_100%'") { $0.search = "f_100%" }
        await expect([], "search 'fx100'") { $0.search = "fx100" }
        await expect([], "search 'f%0'") { $0.search = "f%0" }
        await expect([], "search \"' OR 1=1 --\"") { $0.search = "' OR 1=1 --" }
    }

    private mutating func countsIgnorePages() async {
        _ = await putTwelve()
        let count = await count {
            $0.limit = 2
            $0.offset = 3
            $0.cursor = CallCursor(startedAt: ContractCalls.noon, id: CallID("c1-1"))
        }
        trial.expect(count == 12, "12", "twelve calls were counted, with limit, offset and cursor", saw: "\(count)")
        let since = ContractCalls.noon + 2000
        let later = await self.count { $0.since = since }
        trial.expect(later == 6, "6", "six of twelve calls were counted", saw: "\(later)")
    }

    private mutating func oddPagesAreHarmless() async {
        await put(ContractCalls.ended("one"))
        for limit in [0, -1, Int.min] {
            var query = CallQuery()
            query.limit = limit
            guard let page = await page(query) else { return }
            trial.expect(
                page == CallPage(calls: [], next: nil),
                "an empty page",
                "calls were listed with the limit \(limit)",
                saw: "\(page.calls.count) calls and \(page.next == nil ? "no" : "a") cursor"
            )
        }
        for offset in [-1, Int.min] {
            let names = await list { $0.offset = offset }
            trial.expect(names == ["one"], "all", "calls were listed with the offset \(offset)", saw: "\(names)")
        }
    }

    // MARK: Tasks

    private mutating func manyAtOnceAreKept() async {
        let store = store
        let trial = trial
        let failures = await withTaskGroup(of: String?.self) { group in
            for number in 0..<50 {
                group.addTask {
                    let id = "call-\(number)"
                    let attempt = await trial.attempt {
                        try await store.journal(ContractCalls.live(id))
                        try await store.save(ContractCalls.ended(id, carrierCallID: "CA\(number)"))
                        try await store.journal(ContractCalls.live(id, carrierCallID: "CA\(number)"))
                    }
                    return attempt.value == nil ? "\(attempt)" : nil
                }
            }
            return await group.reduce(into: []) { if let failure = $1 { $0.append(failure) } }
        }
        let situation = "fifty calls began and ended at the same time"
        self.trial.expect(
            failures.isEmpty,
            "success",
            situation,
            saw: "\(failures.count) times \(failures.first ?? "")"
        )
        let count = await count { _ in }
        self.trial.expect(count == 50, "fifty records", situation, saw: "\(count)")
    }

    private mutating func cancelledOperationsReturn() async {
        let store = store
        for isAtOnce in [true, false] {
            let live = ContractCalls.live("one")
            let call = ContractCalls.ended("one")
            let attempts = [
                "journal": await trial.cancelled(atOnce: isAtOnce) { try await store.journal(live) },
                "save": await trial.cancelled(atOnce: isAtOnce) { try await store.save(call) },
                "update": await trial.cancelled(atOnce: isAtOnce) { try await store.update(call) },
                "find": await trial.cancelled(atOnce: isAtOnce) { _ = try await store.find(call.id) },
            ]
            for (name, attempt) in attempts.sorted(by: { $0.key < $1.key }) {
                trial.expect(attempt.hasReturned, "a return", "\(name) was cancelled", saw: "\(attempt)")
            }
        }
    }

    // MARK: Parts

    /// Journals a live call, and saves an ended one.
    private mutating func put(_ call: CallSnapshot) async {
        let store = store
        if call.endedAt == nil {
            _ = await trial.need("a call was journalled") { try await store.journal(call) }
        } else {
            _ = await trial.need("a call was saved") { try await store.save(call) }
        }
    }

    private mutating func update(_ call: CallSnapshot) async {
        let store = store
        _ = await trial.need("a call was updated") { try await store.update(call) }
    }

    /// - Returns: `nil`, with a finding, if the store failed.
    private mutating func find(_ id: String) async -> CallSnapshot?? {
        let store = store
        return await trial.need("a call was looked for") { try await store.find(CallID(id)) }
    }

    private mutating func page(_ query: CallQuery) async -> CallPage? {
        let store = store
        return await trial.need("calls were listed") { try await store.calls(matching: query) }
    }

    private mutating func list(_ set: (inout CallQuery) -> Void) async -> [String] {
        var query = CallQuery()
        set(&query)
        return await page(query)?.calls.map(\.id.text) ?? []
    }

    private mutating func count(_ set: (inout CallQuery) -> Void) async -> Int {
        var query = CallQuery()
        set(&query)
        let store = store
        let counted = query
        return await trial.need("calls were counted") { try await store.count(matching: counted) } ?? -1
    }

    private mutating func expect(_ names: [String], _ filter: String, _ set: (inout CallQuery) -> Void) async {
        let found = await list(set)
        trial.expect(found == names, "\(names)", "calls were listed by \(filter)", saw: "\(found)")
        let count = await count(set)
        trial.expect(count == names.count, "\(names.count)", "calls were counted by \(filter)", saw: "\(count)")
    }

    private mutating func expectFound(_ call: CallSnapshot, _ situation: String) async {
        guard let found = await find(call.id.text) else { return }
        expect(found, is: call, situation)
    }

    /// The agent's key is a rule of its own.
    private mutating func expect(_ found: CallSnapshot?, is call: CallSnapshot, _ situation: String) {
        guard var found else { return trial.expect(false, "the call", situation, saw: "nothing") }
        found.agent.apiKey = ""
        let differences = ContractCalls.differences(found, call.asKept)
        trial.expect(
            differences.isEmpty,
            "the call as it was",
            situation,
            saw: "other values of \(differences.joined(separator: ", "))"
        )
    }
}
