/// The block forms of G.711.
enum G711Kernel {
    static func encodeMuLaw(_ source: UnsafePointer<Int16>, _ target: UnsafeMutablePointer<UInt8>, count: Int) {
        var index = 0
        while index < count {
            target[index] = MuLaw.encode(source[index])
            index += 1
        }
    }

    static func decodeMuLaw(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Int16>, count: Int) {
        var index = 0
        while index < count {
            target[index] = MuLaw.decode(source.load(fromByteOffset: index, as: UInt8.self))
            index += 1
        }
    }

    static func encodeALaw(_ source: UnsafePointer<Int16>, _ target: UnsafeMutablePointer<UInt8>, count: Int) {
        var index = 0
        while index < count {
            target[index] = ALaw.encode(source[index])
            index += 1
        }
    }

    static func decodeALaw(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Int16>, count: Int) {
        var index = 0
        while index < count {
            target[index] = ALaw.decode(source.load(fromByteOffset: index, as: UInt8.self))
            index += 1
        }
    }
}
