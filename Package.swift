// swift-tools-version: 6.2
import PackageDescription

// `TALKPATH_ONLY` cuts the package down to a level and what lies below it, so that a change to the
// audio core or a sanitizer run compiles none of the networking dependencies:
//     TALKPATH_ONLY=audio|wire|core|store|nio swift test --scratch-path .build-core
enum Level: Int {
    case audio, wire, core, store, nio, all
}

let level: Level =
    switch Context.environment["TALKPATH_ONLY"] {
    case "audio": .audio
    case "wire": .wire
    case "core": .core
    case "store": .store
    case "nio": .nio
    default: .all
    }

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// Traits spare a dependent the packages of the products that it does not use: it fetches those of the traits that it asks
/// for, `.package(url: "…", from: "…", traits: ["Sockets"])`. Without `traits:` it fetches all. `traits: []` is enough
/// for TalkpathAudio and TalkpathWire.
enum Needed: String {
    /// TalkpathCore and TalkpathTesting.
    case core = "Core"
    /// TalkpathNIO, and what Core needs.
    case sockets = "Sockets"
    /// TalkpathServer, TalkpathSimulators, TalkpathStore and the programs, and what Sockets needs.
    case server = "Server"
}

let traits: Set<Trait> = [
    .trait(name: Needed.core.rawValue, description: "the packages of TalkpathCore and TalkpathTesting"),
    .trait(
        name: Needed.sockets.rawValue,
        description: "the packages of TalkpathNIO",
        enabledTraits: [Needed.core.rawValue]
    ),
    .trait(
        name: Needed.server.rawValue,
        description: "the packages of all products",
        enabledTraits: [Needed.sockets.rawValue]
    ),
    .default(enabledTraits: [Needed.server.rawValue]),
]

extension Target.Dependency {
    private static func outside(_ name: String, _ package: String, _ trait: Needed) -> Self {
        product(name: name, package: package, condition: .when(traits: [trait.rawValue]))
    }

    static let logging = outside("Logging", "swift-log", .core)
    static let grdb = outside("GRDB", "GRDB.swift", .server)
    static let tracing = outside("Tracing", "swift-distributed-tracing", .server)
    static let metrics = outside("CoreMetrics", "swift-metrics", .core)
    static let nioCore = outside("NIOCore", "swift-nio", .sockets)
    static let nioPosix = outside("NIOPosix", "swift-nio", .sockets)
    static let nioHTTP1 = outside("NIOHTTP1", "swift-nio", .sockets)
    static let nioWebSocket = outside("NIOWebSocket", "swift-nio", .sockets)
    static let nioEmbedded = outside("NIOEmbedded", "swift-nio", .sockets)
    static let nioSSL = outside("NIOSSL", "swift-nio-ssl", .sockets)
    static let nioExtras = outside("NIOExtras", "swift-nio-extras", .server)
    static let nioHTTPCompression = outside("NIOHTTPCompression", "swift-nio-extras", .server)
    static let nioHTTPTypes = outside("NIOHTTPTypes", "swift-nio-extras", .server)
    static let nioHTTPTypesHTTP1 = outside("NIOHTTPTypesHTTP1", "swift-nio-extras", .server)
    static let httpTypes = outside("HTTPTypes", "swift-http-types", .server)
    static let hummingbird = outside("Hummingbird", "hummingbird", .server)
    static let hummingbirdCore = outside("HummingbirdCore", "hummingbird", .server)
    static let asyncHTTPClient = outside("AsyncHTTPClient", "async-http-client", .server)
    static let serviceLifecycle = outside("ServiceLifecycle", "swift-service-lifecycle", .server)
    static let unixSignals = outside("UnixSignals", "swift-service-lifecycle", .server)
    static let configuration = outside("Configuration", "swift-configuration", .server)
    static let argumentParser = outside("ArgumentParser", "swift-argument-parser", .server)
    static let yams = outside("Yams", "Yams", .server)
}

func library(_ name: String, resources: [Resource]? = nil, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

var products: [Product] = [.library(name: "TalkpathAudio", targets: ["TalkpathAudio"])]

var dependencies: [Package.Dependency] = []

var targets: [Target] = [
    .systemLibrary(name: "CSampleRate", pkgConfig: "samplerate", providers: [.apt(["libsamplerate0-dev"])]),
    .systemLibrary(name: "COpus", pkgConfig: "opus", providers: [.apt(["libopus-dev"])]),
    // Kernels compiled for AVX2 by attributes and chosen at run time: no flags, which dependents would have to allow.
    .target(name: "CTalkpathKernels"),
    library("TalkpathAudio", ["CTalkpathKernels", "COpus", "CSampleRate"]),
    tests("TalkpathAudioTests", ["TalkpathAudio", "CSampleRate"]),
]

if level.rawValue >= Level.wire.rawValue {
    products.append(.library(name: "TalkpathWire", targets: ["TalkpathWire"]))
    targets += [
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        library("TalkpathWire", ["TalkpathAudio", "COpenSSL"]),
        tests("TalkpathWireTests", ["TalkpathWire", "TalkpathAudio"]),
    ]
}

if level.rawValue >= Level.core.rawValue {
    products += [
        .library(name: "TalkpathCore", targets: ["TalkpathCore", "TalkpathWire"]),
        .library(name: "TalkpathTesting", targets: ["TalkpathTesting"]),
    ]
    dependencies += [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.7.0"),
    ]
    targets += [
        library("TalkpathCore", ["TalkpathAudio", "TalkpathWire", .logging, .metrics]),
        library("TalkpathSimulation", ["TalkpathCore", "TalkpathWire", "TalkpathAudio", .logging]),
        library("TalkpathTesting", ["TalkpathCore", "TalkpathWire"]),
        tests("TalkpathCoreTests", ["TalkpathSimulation", "TalkpathCore", "TalkpathWire", "TalkpathAudio", .logging]),
        tests("TalkpathSimulationTests", ["TalkpathSimulation", "TalkpathCore", "TalkpathWire", "TalkpathAudio"]),
        tests("TalkpathTestingTests", ["TalkpathTesting", "TalkpathCore", "TalkpathWire"]),
    ]
}

if level == .store || level == .all {
    products.append(.library(name: "TalkpathStore", targets: ["TalkpathStore"]))
    dependencies.append(.package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"))
    targets += [
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        library("TalkpathPostgres", ["CPostgres"]),
        library(
            "TalkpathStore",
            ["TalkpathPostgres", "TalkpathCore", "TalkpathWire", "TalkpathAudio", .logging, .grdb]
        ),
        // Databases of the tests' own, and the outbox of a store under test.
        .target(
            name: "TestDatabases",
            dependencies: ["TalkpathStore", "TalkpathPostgres", "TalkpathCore", "TalkpathWire"],
            path: "Tests/TestDatabases",
            swiftSettings: swiftSettings
        ),
        tests(
            "TalkpathStoreTests",
            [
                "TestDatabases", "TalkpathTesting", "TalkpathStore", "TalkpathPostgres", "TalkpathCore", "TalkpathWire",
                "TalkpathAudio", .logging, .grdb,
            ]
        ),
    ]
}

if level == .core {
    // The simulation without the rest; `talkpath simulate sessions` is the same.
    targets.append(
        .executableTarget(
            name: "simulate-sessions",
            dependencies: ["TalkpathSimulation"],
            swiftSettings: swiftSettings
        )
    )
}

if level.rawValue >= Level.nio.rawValue {
    products.append(.library(name: "TalkpathNIO", targets: ["TalkpathNIO"]))
    dependencies += [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
    ]
    targets += [
        // Functions of Linux that Swift's module of the C library does not have.
        .systemLibrary(name: "CLinux"),
        library(
            "TalkpathNIO",
            [
                "CLinux", "TalkpathCore", "TalkpathWire", "TalkpathAudio", .logging,
                .nioCore, .nioPosix, .nioHTTP1, .nioSSL,
            ]
        ),
        tests(
            "TalkpathNIOTests",
            [
                "TalkpathNIO", "TalkpathCore", "TalkpathWire", "TalkpathAudio", .logging,
                .nioCore, .nioPosix, .nioHTTP1, .nioWebSocket, .nioEmbedded, .nioSSL,
            ]
        ),
    ]
}

if level == .all {
    products += [
        .library(name: "TalkpathServer", targets: ["TalkpathServer"]),
        .library(name: "TalkpathSimulators", targets: ["TalkpathSimulators", "TalkpathSimulation"]),
        .executable(name: "talkpath", targets: ["talkpath"]),
        .executable(name: "talkpath-bench", targets: ["talkpath-bench"]),
    ]
    dependencies += [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.34.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.30.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.8.0"),
    ]
    targets += [
        library(
            "TalkpathHTTP",
            [
                "TalkpathNIO", .logging, .nioCore, .nioSSL, .nioHTTPTypes, .nioHTTPTypesHTTP1, .hummingbirdCore,
            ]
        ),
        // The console's files, in the executable's own code: nothing lies beside it.
        .target(name: "TalkpathConsole", resources: [.embedInCode("Files")], swiftSettings: swiftSettings),
        library(
            "TalkpathServer",
            resources: [.embedInCode("Money/prices.json")],
            [
                "CLinux", "TalkpathConsole", "TalkpathStore", "TalkpathHTTP", "TalkpathNIO", "TalkpathCore",
                "TalkpathWire", "TalkpathAudio",
                .logging, .metrics, .tracing, .nioCore, .nioPosix, .nioHTTP1, .nioHTTPCompression, .nioSSL, .httpTypes,
                .hummingbird, .asyncHTTPClient, .serviceLifecycle, .configuration,
            ]
        ),
        library(
            "TalkpathSimulators",
            [
                "CLinux", "TalkpathWire", "TalkpathAudio", .nioCore, .nioPosix, .nioHTTP1, .nioWebSocket,
                .asyncHTTPClient,
            ]
        ),
        library(
            "TalkpathConversationTests",
            [
                "TalkpathServer", "TalkpathSimulators", "TalkpathSimulation", "TalkpathCore", "TalkpathWire",
                "TalkpathAudio", .nioCore, .nioHTTP1, .asyncHTTPClient, .yams,
            ]
        ),
        .executableTarget(
            name: "talkpath",
            dependencies: [
                "TalkpathConversationTests",
                "TalkpathServer", "TalkpathStore", "TalkpathSimulators", "TalkpathSimulation", "TalkpathNIO",
                "TalkpathCore", "TalkpathWire", "TalkpathAudio", .logging, .nioCore, .nioHTTP1, .nioPosix,
                .argumentParser,
                .unixSignals, .asyncHTTPClient,
            ],
            swiftSettings: swiftSettings
        ),
        // The workshop: load generator, soak and benches. No image ships it.
        .executableTarget(
            name: "talkpath-bench",
            dependencies: [
                "TalkpathServer", "TalkpathStore", "TalkpathSimulators", "TalkpathSimulation", "TalkpathNIO",
                "TalkpathCore", "TalkpathWire", "TalkpathAudio", .logging, .nioCore, .nioPosix, .nioHTTP1,
                .argumentParser, .unixSignals, .asyncHTTPClient,
            ],
            swiftSettings: swiftSettings
        ),
        tests(
            "TalkpathHTTPTests",
            [
                "TalkpathHTTP", "TalkpathNIO", .logging, .nioCore, .nioPosix, .nioHTTP1, .hummingbird,
                .serviceLifecycle,
            ]
        ),
        tests(
            "TalkpathServerTests",
            [
                "TestDatabases", "TalkpathConsole", "TalkpathServer", "TalkpathStore", "TalkpathHTTP", "TalkpathNIO",
                "TalkpathSimulation", "TalkpathCore",
                "TalkpathWire", "TalkpathAudio",
                .logging, .metrics, .tracing,
                .nioCore, .nioPosix, .nioHTTP1, .nioSSL, .httpTypes, .hummingbird, .asyncHTTPClient,
            ]
        ),
        tests(
            "TalkpathSimulatorsTests",
            [
                "TalkpathSimulators", "TalkpathWire", "TalkpathAudio", .nioCore, .nioPosix, .nioHTTP1, .asyncHTTPClient,
            ]
        ),
        tests(
            "ConversationTestTests",
            [
                "TalkpathConversationTests", "TalkpathSimulators", "TalkpathSimulation", "TalkpathCore", "TalkpathWire",
                "TalkpathAudio", .nioPosix,
            ]
        ),
        // Runs the executable as users do, too: it stands beside the tests once they are built.
        tests(
            "TalkpathCommandTests",
            [
                "TestDatabases", "talkpath", "talkpath-bench", "TalkpathWire", "TalkpathAudio", "TalkpathSimulators",
                .asyncHTTPClient,
                .nioCore, .nioHTTP1,
            ]
        ),
        tests(
            "IntegrationTests",
            [
                "TalkpathServer", "TalkpathTesting", "TalkpathSimulators", "TalkpathNIO", "TalkpathCore",
                "TalkpathWire", "TalkpathAudio",
                .logging, .nioCore, .nioHTTP1, .nioPosix, .asyncHTTPClient,
            ]
        ),
    ]
}

let package = Package(
    name: "talkpath",
    platforms: [.macOS(.v26)],
    products: products,
    traits: traits,
    dependencies: dependencies,
    // An image is built without its tests, so that a change of a test alone builds no image anew.
    targets: Context.environment["TALKPATH_TESTS"] == "off"
        ? targets.filter { $0.type != .test && $0.name != "TestDatabases" } : targets,
    swiftLanguageModes: [.v6]
)
