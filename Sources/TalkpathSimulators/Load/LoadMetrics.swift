/// The measurements of a fleet of callers.
package struct LoadMetrics: Codable, Equatable, Sendable {
    package var calls: Int
    package var seconds: Double
    /// Frames that came back during the measurement.
    package var frames: Int
    /// From the caller sending a frame until the model has all of it.
    package var up: LoadSpread?
    /// From the model sending a frame back until the caller has it.
    package var down: LoadSpread?
    /// Both directions together, including the filters' delay.
    package var roundTrip: LoadSpread?
    /// The delay of the filters, as measured in the sound itself.
    package var filterMilliseconds: Double
    /// Audio that never came, over the whole life of the calls.
    package var lostMilliseconds: Double
    package var repeatedMilliseconds: Double
    /// Frames of 20 ms that were damaged, and those of them that held another caller's voice.
    package var damagedFrames: Int
    package var foreignFrames: Int
    /// Calls whose socket the server closed.
    package var lostCalls: Int
    /// The share of its processor that the fleet itself used, from 0 to 1, and its delay in sending.
    package var fleetShare: Double
    package var fleetLateness: LoadSpread?

    /// True if the fleet was so busy that the figures may show its own limits instead of the bridge's.
    package var isFleetTheBottleneck: Bool {
        fleetShare > 0.9 || (fleetLateness?.p99 ?? 0) > 10
    }

    /// True if all audio came, and none of another caller.
    package var isWhole: Bool {
        lostMilliseconds == 0 && repeatedMilliseconds == 0 && damagedFrames == 0 && foreignFrames == 0
            && lostCalls == 0 && frames > 0
    }
}
