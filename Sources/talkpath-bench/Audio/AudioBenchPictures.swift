/// The pictures of `talkpath-bench audio --plot`: two for each pair of rates, with a panel for every engine.
enum AudioBenchPictures {
    /// Returns file names and contents.
    static func all(_ qualities: [EngineQuality]) -> [(name: String, picture: String)] {
        AudioBench.pairs.flatMap { from, to -> [(name: String, picture: String)] in
            let engines = qualities.filter { $0.from == from && $0.to == to }
            guard !engines.isEmpty else { return [] }
            return [
                ("frequency-response-\(from)-\(to).svg", ResponsePicture(engines: engines).svg()),
                ("alias-map-\(from)-\(to).svg", AliasMapPicture(engines: engines).svg()),
            ]
        }
    }
}
