import TalkpathWire
import Testing

@testable import TalkpathCore

/// The form in which stores keep calls.
@Suite struct RecordTests {
    /// A field that is added to one of these types is lost in records until it is written and read there. Whoever adds
    /// one adds it to the record, or here.
    @Test func `every field of a record is written`() throws {
        let call = SampleCalls.ended("one")
        let notInTheRecord: Set = ["transcript", "analysis", "cost"]
        let fields = Set(Mirror(reflecting: call).children.compactMap(\.label)).subtracting(notInTheRecord)
        #expect(fields.count == call.record.object?.count ?? 0)
        let metricFields = Mirror(reflecting: call.metrics).children.compactMap(\.label)
        // What the model has counted is one field here, and one for each count in the record.
        let metricCount = metricFields.count - 1 + AgentUsage.counts.count
        #expect(metricCount == call.record["metrics"]?.object?.count ?? 0)
        let usageFields = Mirror(reflecting: call.metrics.usage).children.compactMap(\.label)
        #expect(usageFields.count == AgentUsage.counts.count)
        let receiptFields = try Mirror(reflecting: #require(call.receipt)).children.compactMap(\.label)
        #expect(receiptFields.count - 1 == call.record["receipt"]?.object?.count ?? 0, "all but the call's name")
    }

    @Test func `a record holds no key`() {
        #expect(!SampleCalls.ended("one").record.serializedText().contains(SampleCalls.key))
    }

    @Test func `the stored form brings back the whole call but for the key`() throws {
        var call = SampleCalls.ended("one")
        var analysis = CallAnalysis()
        analysis.summary = "Booked."
        call.analysis = analysis
        let text = call.storedForm.serializedText()
        #expect(try CallSnapshot(storedForm: JSONValue(parsing: text)) == SampleCalls.kept(call))
        #expect(!text.contains(SampleCalls.key))
        let live = SampleCalls.live("two")
        #expect(try CallSnapshot(storedForm: live.storedForm) == SampleCalls.kept(live))
    }

    @Test func `what an older version did not write has a default`() throws {
        let record = try JSONValue(
            parsing: """
                {"id":"one","direction":"inbound","status":"failed","started_at":5,"agent":{"provider":"gemini"}}
                """
        )
        let call = try CallSnapshot(record: record)
        #expect(call.id.text == "one")
        #expect(call.agent.provider == .gemini)
        #expect(call.receipt == nil)
        #expect(call.metrics == CallMetrics())
    }

    @Test(arguments: ["id", "direction", "status", "started_at", "agent"])
    func `what makes a call is needed`(_ field: String) throws {
        var record = SampleCalls.ended("one").record
        record.set(field, nil)
        #expect(throws: RecordError(field: field)) { try CallSnapshot(record: record) }
    }

    @Test func `a word of a newer version is an error`() throws {
        var record = SampleCalls.ended("one").record
        record.set("status", "teleported")
        #expect(throws: RecordError(field: "status")) { try CallSnapshot(record: record) }
    }

    @Test func `an analysis comes back as it was`() throws {
        var analysis = CallAnalysis()
        analysis.agentTalkRatio = 0.625
        analysis.callerTalk = .milliseconds(1200)
        analysis.silences = 3
        analysis.meanTurnLatency = .milliseconds(640)
        analysis.sentiment = .positive
        analysis.summary = "Booked."
        analysis.outcome = "booked"
        #expect(try CallAnalysis(record: analysis.record) == analysis)
        let fields = Mirror(reflecting: analysis).children.count
        var full = analysis
        full.longestTurnLatency = .seconds(1)
        full.loopScore = 0.5
        full.model = "m"
        #expect(full.record.object?.count == fields)
    }
}
