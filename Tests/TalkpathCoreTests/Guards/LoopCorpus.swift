import Foundation
import TalkpathWire

@testable import TalkpathCore

/// The calls of fixtures/loop.
struct LoopCorpus {
    struct Call: CustomStringConvertible, Sendable {
        var name: String
        var turns: [LoopGuard.Turn]
        /// The turn at which the loop begins.
        var loopBegins: Int

        var description: String { name }
    }

    static let looping = calls(in: "looping")
    static let honest = calls(in: "honest")

    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("fixtures/loop")

    private static func calls(in kind: String) -> [Call] {
        let files = try? FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent(kind),
            includingPropertiesForKeys: nil
        )
        return (files ?? []).filter { $0.pathExtension == "jsonl" }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
            .compactMap(call)
    }

    private static func call(_ file: URL) -> Call? {
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return nil }
        let lines = text.split(separator: "\n").compactMap { try? JSONValue(parsing: Array($0.utf8).span.bytes) }
        guard let head = lines.first else { return nil }
        var turns: [LoopGuard.Turn] = []
        var lastHeard: Int?
        for line in lines.dropFirst() {
            guard let speaker = line["speaker"]?.string.flatMap(TranscriptEntry.Speaker.init),
                let text = line["text"]?.string, let begin = line["at_ms"]?.int, let end = line["end_ms"]?.int
            else { return nil }
            let pause = speaker == .caller ? lastHeard.map { Duration.milliseconds(begin - $0) } : nil
            turns.append(LoopGuard.Turn(speaker, text, pause: pause))
            lastHeard = end
        }
        return Call(
            name: file.deletingPathExtension().lastPathComponent,
            turns: turns,
            loopBegins: head["loop_begins"]?.int ?? 0
        )
    }
}

extension LoopGuard {
    /// The verdict on a whole call.
    struct Course {
        var highest = 0.0
        var warnedAt: Int?
        /// The number of turns until the verdict, and the verdict.
        var endedAt: Int?
        var verdict: Verdict?
    }

    static func course(of turns: [Turn], policy: LoopGuardPolicy = LoopGuardPolicy()) -> Course {
        var loop = LoopGuard(policy: policy)
        var course = Course()
        for (index, turn) in turns.enumerated() {
            let verdict = loop.add(turn)
            course.highest = max(course.highest, loop.score)
            switch verdict {
            case .suspected: course.warnedAt = course.warnedAt ?? index + 1
            case .detected, .tooManyTurns:
                course.endedAt = index + 1
                course.verdict = verdict
                return course
            case nil: break
            }
        }
        return course
    }
}
