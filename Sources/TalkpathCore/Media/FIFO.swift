/// A first-in first-out queue in one array. Both ends take O(1) on average. It keeps its memory while in use.
///
/// For plain values: a removed element stays in memory until it is overwritten.
struct FIFO<Element> {
    private var storage: [Element] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { head == storage.count }

    var first: Element? {
        get { isEmpty ? nil : storage[head] }
        set { if !isEmpty, let newValue { storage[head] = newValue } }
    }

    var last: Element? {
        get { isEmpty ? nil : storage[storage.count - 1] }
        set { if !isEmpty, let newValue { storage[storage.count - 1] = newValue } }
    }

    mutating func append(_ element: Element) {
        storage.append(element)
    }

    @discardableResult
    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = storage[head]
        head += 1
        if head == storage.count {
            removeAll()
        } else if head >= 64, head * 2 >= storage.count {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func removeAll() {
        storage.removeAll(keepingCapacity: storage.capacity <= 1024)
        head = 0
    }

    /// Oldest first; makes a copy.
    var elements: [Element] { Array(storage[head...]) }
}
