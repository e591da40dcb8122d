// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "own-carrier",
    dependencies: [.package(name: "talkpath", path: "../..", traits: ["Sockets"])],
    targets: [
        .executableTarget(
            name: "OwnCarrier",
            dependencies: [
                .product(name: "TalkpathAudio", package: "talkpath"),
                .product(name: "TalkpathCore", package: "talkpath"),
                .product(name: "TalkpathNIO", package: "talkpath"),
                .product(name: "TalkpathTesting", package: "talkpath"),
            ]
        )
    ]
)
