/// The course of a run: calls that begin and end, and faults.
extension SimulatedCluster {
    /// Plays one run, and judges it.
    func play() {
        for node in nodes { after(number(in: 0...3000)) { node.start() } }
        let length = 10_000 + number(in: 10_000...40_000)
        let end = now + length
        // Some runs have one fault only, so that nothing hides what follows from it.
        let pause: ClosedRange<Int64> = chance(40) ? 12_000...length : 800...6000
        takeCalls(until: end)
        breakThings(until: end, pause: pause)
        watch(until: end + 120_000)
        run(until: end)
        heal()
        // The rest of the faults: requests that wait, heartbeats, turns of dead nodes to ask the carrier.
        var rounds = 0
        while rounds < 6 || (rounds < 100 && !isSettled) {
            rounds += 1
            run(until: now + 1000)
            guard rounds == 4 else { continue }
            note("the calls that are left are ended")
            for node in nodes { for call in node.sessions.keys.sorted() { node.end(call) } }
        }
        judgeTheEnd()
    }

    private func watch(until end: Int64) {
        guard now < end else { return }
        after(250) { [self] in
            look()
            watch(until: end)
        }
    }

    // MARK: Calls

    private func takeCalls(until last: Int64) {
        var calls = 0
        func next() {
            guard now < last else { return }
            after(number(in: 50...1200)) { [self] in
                let call = calls
                calls += 1
                nodes[Int(number(in: 0...Int64(nodes.count - 1)))].begin(call)
                count(.call)
                // Most calls outlast a fault.
                after(number(in: 500...25_000)) { [self] in
                    end(call, through: nodes[Int(number(in: 0...Int64(nodes.count - 1)))])
                }
                next()
            }
        }
        next()
    }

    // MARK: Faults

    private func breakThings(until end: Int64, pause: ClosedRange<Int64>) {
        guard now < end else { return }
        after(number(in: pause)) { [self] in
            guard now < end else { return }
            breakOne()
            breakThings(until: end, pause: pause)
        }
    }

    private func breakOne() {
        let node = nodes[Int(number(in: 0...Int64(nodes.count - 1)))]
        let other = nodes[Int(number(in: 0...Int64(nodes.count - 1)))]
        let length = chance(50) ? number(in: 100...4000) : number(in: 2000...12_000)
        switch number(in: 0...11) {
        case 0, 1: kill(node, for: length)
        case 2, 3:
            node.pause()
            let paused = node.incarnation
            after(length) { if node.incarnation == paused { node.wake() } }
        case 4, 5: cut(node, for: length)
        case 6: part(node, other, for: length)
        case 7:
            // The node is off the network.
            cut(node, for: length)
            for other in nodes { part(node, other, for: length) }
        case 8: set(.down, for: chance(50) ? 300 : length)
        case 9: set(.frozen, for: length)
        case 10: set(.slow, for: length)
        default:
            // Within what the nodes' clocks may differ.
            node.clockError = number(in: -140_000...140_000)
            note("the clock of \(node) is wrong by \(node.clockError) ms")
            count(.clockStep)
        }
        // Faults often come together.
        if chance(25) { after(number(in: 0...3000)) { [self] in breakOne() } }
    }

    private func kill(_ node: SimulatedNode, for length: Int64) {
        guard node.process != .dead else { return }
        node.kill()
        after(length) { node.start() }
    }

    private func cut(_ node: SimulatedNode, for length: Int64) {
        guard !isCut[node.slot] else { return }
        cut(node.slot, true)
        after(length) { [self] in cut(node.slot, false) }
    }

    private func part(_ node: SimulatedNode, _ other: SimulatedNode, for length: Int64) {
        guard node.slot != other.slot, !arePartedNow(node.slot, other.slot) else { return }
        part(node.slot, other.slot, true)
        after(length) { [self] in part(node.slot, other.slot, false) }
    }

    private func set(_ state: Database, for length: Int64) {
        guard database == .up else { return }
        set(state)
        after(length) { [self] in set(.up) }
    }

    private func heal() {
        note("everything is mended")
        set(.up)
        for node in nodes {
            if isCut[node.slot] { cut(node.slot, false) }
            for other in nodes where arePartedNow(node.slot, other.slot) { part(node.slot, other.slot, false) }
            node.wake()
            node.start()
        }
    }
}
