// swift-tools-version: 6.2
import PackageDescription

// Fuzzers of everything that decodes what others send. Built with libFuzzer by Scripts/fuzz.

/// The package that is tried goes by the name of its folder, wherever it is checked out.
let folder = String(Context.packageDirectory.split(separator: "/").dropLast().last ?? "talkpath")
let identity = String(folder.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v26)],
    dependencies: [.package(path: "..")],
    targets: [
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                .product(name: "TalkpathAudio", package: folder),
                .product(name: "TalkpathWire", package: folder),
                .product(name: "TalkpathCore", package: folder),
            ],
            // This package's own name would come last, and count.
            packageAccess: false,
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                // libFuzzer has the main function. The targets also test internal interfaces of the package.
                .unsafeFlags(["-parse-as-library", "-package-name", identity]),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)
