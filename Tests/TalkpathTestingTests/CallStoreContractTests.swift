import TalkpathTesting
import Testing

@Suite struct CallStoreContractTests {
    @Test func `a store without a mistake keeps every rule`() async {
        let report = await CallStoreContract.check(FlawedStoreStage())
        #expect(report.isKept && report.unchecked.isEmpty, "\(report)")
        #expect(report.checked == CallStoreContract.Rule.allCases)
    }

    @Test(arguments: StoreFlaw.allCases)
    func `a mistake is found by its rules and by no other`(_ flaw: StoreFlaw) async {
        var broken: Set<CallStoreContract.Rule> = []
        for rule in CallStoreContract.Rule.allCases {
            // The rules that it breaks may wait for it in vain.
            let patience = flaw.broken.contains(rule) ? Duration.milliseconds(200) : .seconds(20)
            let report = await CallStoreContract.check(FlawedStoreStage(flaw: flaw), rules: [rule], patience: patience)
            broken.formUnion(report.broken)
        }
        #expect(broken == flaw.broken)
    }

    @Test func `every rule finds a mistake`() {
        let found = StoreFlaw.allCases.reduce(into: Set<CallStoreContract.Rule>()) { $0.formUnion($1.broken) }
        #expect(found == Set(CallStoreContract.Rule.allCases))
    }

    @Test func `the rules about later processes are named as unchecked for a store in memory`() async {
        let report = await CallStoreContract.check(FlawedStoreStage(outlivesItsProcess: false))
        #expect(report.isKept)
        #expect(report.unchecked == [.theJournalOutlivesTheProcess, .recordsOutliveTheProcess])
    }
}
