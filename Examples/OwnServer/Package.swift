// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "own-server",
    dependencies: [
        .package(name: "talkpath", path: "../..", traits: ["Sockets"]),
        // An HTTP server that Talkpath does not know.
        .package(url: "https://github.com/swhitty/FlyingFox.git", from: "0.27.0"),
    ],
    targets: [
        .executableTarget(
            name: "OwnServer",
            dependencies: [
                .product(name: "TalkpathCore", package: "talkpath"),
                .product(name: "TalkpathNIO", package: "talkpath"),
                .product(name: "FlyingFox", package: "FlyingFox"),
            ]
        )
    ]
)
