import TalkpathTesting

/// A mistake of a store.
enum StoreFlaw: Hashable, CaseIterable {
    /// The fields that a filter of a query can be about.
    enum Filter: CaseIterable {
        case tenant, agentID, statuses, direction, from, to, since, until, search
    }

    case failsForUnknownCalls, losesTheTranscript, losesTheInstructions, keepsTheKey, losesTheNumbersOfLiveCalls
    case listsLiveCalls, forgetsTheName, forgetsTheEnd, ignoresALateName, ignoresUpdates, makesRecordsByUpdates
    case savesTwice, listsByName, listsOneWayOnly, repeatsCallsOnPages, losesCallsBetweenPages, endsWithACursor
    case ignoresOffsets, listsTranscripts, searchesByPattern, searchesByCase, countsPages
    case givesAllForOddLimits, givesNothingForOddOffsets, losesCallsInACrowd, doesNotReturn, losesTheJournal,
        losesRecords
    case ignores(Filter)

    static var allCases: [StoreFlaw] {
        [
            .failsForUnknownCalls, .losesTheTranscript, .losesTheInstructions, .keepsTheKey,
            .losesTheNumbersOfLiveCalls,
            .listsLiveCalls, .forgetsTheName, .forgetsTheEnd, .ignoresALateName, .ignoresUpdates,
            .makesRecordsByUpdates,
            .savesTwice, .listsByName, .listsOneWayOnly, .repeatsCallsOnPages, .losesCallsBetweenPages,
            .endsWithACursor, .ignoresOffsets, .listsTranscripts, .searchesByPattern, .searchesByCase, .countsPages,
            .givesAllForOddLimits, .givesNothingForOddOffsets, .losesCallsInACrowd, .doesNotReturn, .losesTheJournal,
            .losesRecords,
        ] + Filter.allCases.map { .ignores($0) }
    }

    /// The rules that it breaks.
    var broken: Set<CallStoreContract.Rule> {
        switch self {
        case .failsForUnknownCalls: [.anUnknownCallIsNotFound, .anUpdateMakesNoRecord]
        case .losesTheTranscript:
            [
                .aSavedCallIsFoundAgain, .theJournalForgetsNoEnd, .aLateNameIsTaken, .anUpdateReplacesTheRecord,
                .recordsOutliveTheProcess,
            ]
        case .losesTheInstructions:
            [
                .aSavedCallIsFoundAgain, .theJournalForgetsNoEnd, .aLateNameIsTaken, .anUpdateReplacesTheRecord,
                .recordsOutliveTheProcess, .aJournalledCallIsFound, .anUpdateMakesNoRecord,
                .theJournalOutlivesTheProcess,
            ]
        case .keepsTheKey: [.keysAreNotKept]
        case .losesTheNumbersOfLiveCalls:
            [.aJournalledCallIsFound, .anUpdateMakesNoRecord, .theJournalOutlivesTheProcess]
        case .listsLiveCalls: [.liveCallsAreNotListed]
        case .forgetsTheName: [.theJournalForgetsNoName]
        case .forgetsTheEnd: [.theJournalForgetsNoEnd, .aLateNameIsTaken, .manyAtOnceAreKept]
        case .ignoresALateName: [.aLateNameIsTaken]
        case .ignoresUpdates: [.anUpdateReplacesTheRecord]
        case .makesRecordsByUpdates: [.anUpdateMakesNoRecord]
        case .savesTwice: [.savingTwiceIsOneRecord]
        case .listsByName, .listsOneWayOnly: [.listsAreInOrder]
        case .repeatsCallsOnPages, .losesCallsBetweenPages, .endsWithACursor: [.pagesHoldEachCallOnce]
        case .ignoresOffsets: [.offsetsLeaveOut]
        case .listsTranscripts: [.listsHoldNoTranscripts]
        case .searchesByPattern, .searchesByCase: [.searchesTakeTextAsItStands]
        case .countsPages: [.countsIgnorePages]
        case .givesAllForOddLimits, .givesNothingForOddOffsets: [.oddPagesAreHarmless]
        case .losesCallsInACrowd: [.manyAtOnceAreKept]
        case .doesNotReturn: [.cancelledOperationsReturn]
        case .losesTheJournal: [.theJournalOutlivesTheProcess]
        case .losesRecords: [.recordsOutliveTheProcess]
        case .ignores(.search): [.filtersLeaveWhatTheyName, .searchesTakeTextAsItStands]
        case .ignores(.since): [.filtersLeaveWhatTheyName, .countsIgnorePages]
        case .ignores: [.filtersLeaveWhatTheyName]
        }
    }
}
