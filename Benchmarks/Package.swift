// swift-tools-version: 6.1
import PackageDescription

// Apart from the main package, so that users of Talkpath do not resolve the benchmark library.
//
//     TALKPATH_ONLY=wire swift package --package-path Benchmarks benchmark
//
// `TALKPATH_ONLY=wire` leaves the networking dependencies of the main package out of the build.
let package = Package(
    name: "talkpath-benchmarks",
    platforms: [.macOS("26.0")],
    dependencies: [
        // No traits: they only bring an interposer of malloc with them; `CAllocationCounter` is enough here.
        .package(url: "https://github.com/ordo-one/benchmark.git", exact: "1.38.1", traits: []),
        .package(name: "talkpath", path: ".."),
    ],
    targets: [
        .target(name: "CAllocationCounter"),
        .target(
            name: "AudioHotPaths",
            dependencies: [
                .product(name: "TalkpathAudio", package: "talkpath"),
                .product(name: "TalkpathWire", package: "talkpath"),
            ]
        ),
        // The same work without the benchmark library, for an instruction counter to look at.
        .executableTarget(name: "HotPathRunner", dependencies: ["AudioHotPaths", "CAllocationCounter"]),
        .executableTarget(
            name: "AudioBenchmarks",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"),
                "AudioHotPaths",
                "CAllocationCounter",
            ],
            path: "Benchmarks/AudioBenchmarks",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),
    ],
    swiftLanguageModes: [.v6]
)
