import TalkpathTesting
import Testing

@Suite struct CarrierContractTests {
    @Test func `a carrier without a mistake keeps every rule`() async throws {
        let stage = FakeStage()
        let report = await CarrierContract.check(stage)
        #expect(report.isKept && report.unchecked.isEmpty, "\(report)")
        #expect(report.checked == CarrierContract.Rule.allCases)
        let live = try await stage.calls().filter(\.isLive)
        #expect(live.isEmpty, "the check leaves no call up")
    }

    @Test(arguments: CarrierFlaw.allCases)
    func `a mistake is found by its rules and by no other`(_ flaw: CarrierFlaw) async {
        var broken: Set<CarrierContract.Rule> = []
        for rule in CarrierContract.Rule.allCases {
            // The rules that it breaks may wait for it in vain, and for a call that is not hung up, others too.
            let isWaitedFor = flaw.broken.contains(rule) || flaw == .hangsUpNothing
            let patience = isWaitedFor ? Duration.milliseconds(200) : .seconds(20)
            let report = await CarrierContract.check(FakeStage(flaw: flaw), rules: [rule], patience: patience)
            broken.formUnion(report.broken)
        }
        #expect(broken == flaw.broken)
    }

    @Test func `every rule finds a mistake`() {
        let found = CarrierFlaw.allCases.reduce(into: Set<CarrierContract.Rule>()) { $0.formUnion($1.broken) }
        #expect(found == Set(CarrierContract.Rule.allCases))
    }

    @Test func `a rule whose condition the stage cannot play is named as unchecked`() async {
        let report = await CarrierContract.check(FakeStage(missing: [.losingAnswers, .silent]))
        #expect(report.isKept)
        #expect(report.unchecked == [.aLostCallIsNotPlacedAgain, .aLostAnswerSaysSo, .cancelledRequestsReturn])
        #expect(report.description.contains("not checked: aLostCallIsNotPlacedAgain"))
    }

    @Test func `a finding tells rule, situation, what was expected and what was seen`() async throws {
        let stage = FakeStage(flaw: .callsAnEndedCallDone)
        let report = await CarrierContract.check(stage, rules: [.aCallThatIsOverIsGone])
        let finding = try #require(report.findings.first)
        #expect(finding.expected == "alreadyGone" && finding.seen == "done")
        #expect(
            "\(finding)" == """
                aCallThatIsOverIsGone: a call was hung up that the other party had ended: expected alreadyGone, but saw done
                """
        )
    }

    @Test func `a finding about an error shows its code`() async {
        let stage = FakeStage(flaw: .callsAnUnknownCallAnError)
        let report = await CarrierContract.check(stage, rules: [.anUnknownCallIsGone])
        #expect(report.findings.map(\.seen) == ["the error refused (there is no such call)"])
    }
}
