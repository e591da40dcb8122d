import TalkpathCore

extension CallID {
    /// True if the name has the form of ``SystemIdentifiers/makeCallID()``: a UUID in lower case. No node has a call with
    /// another name, so that such a name needs no look at the database.
    var isPlausible: Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return false }
        return bytes.indices.allSatisfy { place in
            switch bytes[place] {
            case UInt8(ascii: "-"): [8, 13, 18, 23].contains(place)
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"):
                ![8, 13, 18, 23].contains(place)
            default: false
            }
        }
    }
}
