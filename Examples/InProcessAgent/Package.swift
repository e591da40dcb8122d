// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "in-process-agent",
    dependencies: [.package(name: "talkpath", path: "../..", traits: ["Sockets"])],
    targets: [
        .executableTarget(
            name: "InProcessAgent",
            dependencies: [
                .product(name: "TalkpathAudio", package: "talkpath"),
                .product(name: "TalkpathCore", package: "talkpath"),
                .product(name: "TalkpathNIO", package: "talkpath"),
            ]
        )
    ]
)
