import TalkpathCore

/// Checks that an implementation of `CallStore` does what sessions and clients rely on. Talkpath's own stores
/// (in memory, SQLite, PostgreSQL) pass the same check.
///
/// ```swift
/// struct MyStage: CallStoreStage {
///     func emptyStore() async throws -> any CallStore { try MyStore(at: newFile()) }
/// }
///
/// @Test func `my store keeps the contract`() async {
///     let report = await CallStoreContract.check(MyStage())
///     #expect(report.isKept, "\(report)")
/// }
/// ```
///
/// Needs no framework for tests: ``ContractReport`` is a value.
public enum CallStoreContract {
    public enum Rule: String, ContractRule {
        /// A call that was never given is not found, and that is no error.
        case anUnknownCallIsNotFound
        /// A saved call is found as it was. Of its agent, the definition and the instructions are kept, and no more.
        case aSavedCallIsFoundAgain
        /// The agent's key is kept neither by the journal nor by a record.
        case keysAreNotKept
        /// A journalled call is found as it was.
        case aJournalledCallIsFound
        /// Lists and counts hold ended calls only.
        case liveCallsAreNotListed
        /// The journal keeps the carrier's name of a call, also if an older entry comes later.
        case theJournalForgetsNoName
        /// The journal takes no end back.
        case theJournalForgetsNoEnd
        /// The carrier's name of a call that comes after its end is added to the record, which stays as it is otherwise.
        case aLateNameIsTaken
        /// An update takes the place of a saved record.
        case anUpdateReplacesTheRecord
        /// An update of a call that was not saved does nothing.
        case anUpdateMakesNoRecord
        /// A call that is saved twice has one record.
        case savingTwiceIsOneRecord
        /// Lists go by the start, and by the name within a millisecond, in both orders.
        case listsAreInOrder
        /// Pages that follow the cursor hold each call once. The last has no cursor.
        case pagesHoldEachCallOnce
        /// An offset leaves that many calls out.
        case offsetsLeaveOut
        /// Lists hold no transcripts.
        case listsHoldNoTranscripts
        /// Each filter leaves the calls that it names, and filters together leave what all of them leave.
        case filtersLeaveWhatTheyName
        /// A search finds text as it stands: `%`, `_` and `'` have no meaning of their own, and upper and lower case of
        /// ASCII are the same.
        case searchesTakeTextAsItStands
        /// Counts go by the filters, and not by limit, offset and cursor.
        case countsIgnorePages
        /// Limits of zero and less give an empty page without a cursor, and negative offsets leave nothing out.
        case oddPagesAreHarmless
        /// Calls that begin and end at the same time are all kept.
        case manyAtOnceAreKept
        /// Operations return when their task is cancelled.
        case cancelledOperationsReturn
        /// A journalled call is found by a process that starts after this one was killed.
        case theJournalOutlivesTheProcess
        /// A saved record is found by a process that starts after this one was killed.
        case recordsOutliveTheProcess
    }

    /// Checks a store by its rules, one after the other, each on an empty store.
    ///
    /// - Parameters:
    ///   - rules: those to check.
    ///   - patience: the longest time for any one operation.
    public static func check(
        _ stage: some CallStoreStage,
        rules: [Rule] = Rule.allCases,
        patience: Duration = .seconds(10)
    ) async -> ContractReport<Rule> {
        var report = ContractReport<Rule>()
        await report.run(rules, patience: patience) { trial in
            let store = try await stage.emptyStore()
            var check = CallStoreCheck(stage: stage, store: store, trial: trial)
            defer { trial = check.trial }
            do {
                try await check.run()
            } catch {
                await stage.discard(store)
                throw error
            }
            await stage.discard(store)
        }
        return report
    }
}
