// Runs one hot path so many times, for a counter of instructions to look at from outside; or all of them, and judges
// their allocations.
//
//     HotPathRunner --list
//     HotPathRunner "resample 8000 to 24000, avx2" 1000
//     HotPathRunner --allocations
import AudioHotPaths
import CAllocationCounter
import Foundation

let arguments = CommandLine.arguments.dropFirst()

switch (arguments.first, arguments.count) {
case ("--list", 1):
    for path in HotPath.all { print(path.name) }
case ("--allocations", 1):
    var failures = 0
    for path in HotPath.all {
        let work = try path.prepare()
        // Make now the objects that are made on first use.
        try work()
        let before = talkpath_allocation_count()
        for _ in 0..<1000 { try work() }
        let made = talkpath_allocation_count() - before
        if made > 0 {
            print("\(path.name): \(made) heap allocations in 1000 frames, where there must be none")
            failures += 1
        }
    }
    print("\(HotPath.all.count - failures) of \(HotPath.all.count) hot paths allocate nothing")
    if failures > 0 { exit(1) }
case (let name?, 2):
    guard let path = HotPath.all.first(where: { $0.name == name }), let count = arguments.last.flatMap({ Int($0) })
    else {
        print("there is no hot path of that name, or the number of frames is none")
        exit(64)
    }
    let work = try path.prepare()
    for _ in 0..<count { try work() }
default:
    print("usage: HotPathRunner --list | --allocations | NAME FRAMES")
    exit(64)
}
