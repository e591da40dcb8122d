public import TalkpathWire

extension CallSnapshot {
    /// The whole call as one JSON object, for stores of an embedder's own: transcript and analysis are in it, the agent's
    /// key is not. A newer version of Talkpath reads what an older one has written. Its members may change otherwise:
    /// keep what you search by in columns of your own, and read this by ``init(storedForm:)`` only.
    public var storedForm: JSONValue {
        var form = record
        form.set("transcript", transcriptRecord)
        if let analysis { form.set("analysis", analysis.record) }
        return form
    }

    /// A call as ``storedForm`` wrote it. Of its agent, the definition and the instructions are there; the rest has the
    /// values of a call without a request.
    public init(storedForm form: JSONValue) throws(RecordError) {
        self = try CallSnapshot(record: form)
        if let turns = form["transcript"] { try readTranscript(record: turns) }
        if let analysis = form["analysis"] { self.analysis = try CallAnalysis(record: analysis) }
    }
}
