import Logging

/// Takes the carrier's reports other than the call's progress.
extension CallSession {
    /// A webhook of the carrier. On the loop.
    package func carrierReported(_ report: CarrierReport, carrierCallID id: String) {
        capture(.carrierReported(report, carrierCallID: id))
        // News of another call.
        if let carrierCallID, carrierCallID != id { return }
        noteCarrierCallID(id)
        // Even an order that got no answer was carried out, if the carrier reports on its call.
        perform(machine.placed(id, at: ports.clock.now))
        perform(machine.reported(report, at: ports.clock.now))
    }

    /// Logs and counts a fault, also after the call's end, when events are not published any more.
    func log(_ fault: CarrierFault) {
        ports.instruments.note(fault)
        logger.warning(
            "The carrier reports an error",
            metadata: [
                "source": "\(fault.source.rawValue)", "code": "\(fault.code.map(String.init) ?? "none")",
                "message": "\(fault.message.asLogged)",
            ]
        )
    }
}
