/// Working memory of a pipeline, allocated once.
///
/// A class, so that a span over the memory does not borrow the struct that holds it. Confined to one thread.
final class Scratch<Element: BitwiseCopyable> {
    let memory: UnsafeMutableBufferPointer<Element>

    init(repeating value: Element, count: Int) {
        memory = .allocate(capacity: count)
        memory.initialize(repeating: value)
    }

    deinit {
        memory.deallocate()
    }

    var count: Int { memory.count }
}
