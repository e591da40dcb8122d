/// A file of the console, as browsers are given it.
public struct ConsoleFile: Sendable {
    /// Below `/console/`.
    public let name: String
    /// As HTTP names it.
    public let type: String
    public let bytes: [UInt8]

    /// Every file there is. Without a build step: what lies in `Files` is what browsers read.
    public static let all: [ConsoleFile] = [
        html("index.html", PackageResources.index_html),
        ConsoleFile(name: "console.css", type: "text/css; charset=utf-8", bytes: PackageResources.console_css),
        ConsoleFile(name: "icon.svg", type: "image/svg+xml", bytes: PackageResources.icon_svg),
        script("app.js", PackageResources.app_js),
        script("api.js", PackageResources.api_js),
        script("dom.js", PackageResources.dom_js),
        script("calls.js", PackageResources.calls_js),
        script("call.js", PackageResources.call_js),
        script("picture.js", PackageResources.picture_js),
        script("listen.js", PackageResources.listen_js),
        script("sound.js", PackageResources.sound_js),
        script("talk.js", PackageResources.talk_js),
        script("microphone.js", PackageResources.microphone_js),
        script("agents.js", PackageResources.agents_js),
        script("webhooks.js", PackageResources.webhooks_js),
        script("server.js", PackageResources.server_js),
    ]

    private static func html(_ name: String, _ bytes: [UInt8]) -> ConsoleFile {
        ConsoleFile(name: name, type: "text/html; charset=utf-8", bytes: bytes)
    }

    private static func script(_ name: String, _ bytes: [UInt8]) -> ConsoleFile {
        ConsoleFile(name: name, type: "text/javascript; charset=utf-8", bytes: bytes)
    }
}
