// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "audio-core",
    dependencies: [.package(name: "talkpath", path: "../..", traits: [])],
    targets: [
        .executableTarget(
            name: "AudioCore",
            dependencies: [.product(name: "TalkpathAudio", package: "talkpath")]
        )
    ]
)
