import HTTPTypes
import Logging
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire

/// Accepts calls that the carrier announces: finds their tenant and their agent.
struct InboundReception {
    let state: ServerState

    enum Refusal: Error {
        /// No node has room for the call.
        case busy
        /// This server takes no call now. Another node, if there is one, may have room for it.
        case notHere(Problem)
        /// The call has ended before: its announcement is an old one.
        case over
        /// Another node has been told of the call first.
        case elsewhere(CallOwner)
    }

    /// - Parameter account: the tenant whose own account the call came in over; nil for the shared one.
    func accept(_ voice: TwilioVoiceWebhook, account: String?) async throws(Refusal) -> CallID {
        // A carrier repeats a webhook whose answer it did not get.
        if let known = await state.manager.session(carrierCallID: voice.call.callSID) { return known.id }
        guard !state.isDraining else { throw refused(.draining) }
        guard state.descriptors.hasRoomForCall else {
            state.noteCallRefusedForDescriptors()
            throw refused(.tooManyConnections, isOwn: true)
        }
        guard !state.store.calls.isBehind else { throw refused(.storeUnavailable) }
        if (try? await state.store.calls.hasEnded(carrierCallID: voice.call.callSID)) == true { throw .over }
        let (tenant, agent) = await reception(of: voice.call.to ?? "", account: account)
        let id = state.identifiers.makeCallID()
        do {
            var call = InboundCall(
                id: id,
                from: voice.call.from ?? "",
                to: voice.call.to ?? "",
                carrierCallID: voice.call.callSID,
                agent: agent,
                tenant: tenant
            )
            let place = try await state.takePlace(
                forInbound: id,
                carrierCallID: voice.call.callSID,
                tenant: tenant,
                duration: agent.limits.maxDuration
            )
            call.id = place.call
            call.limits.maxDuration = place.duration
            let accepted = try await state.manager.accept(call)
            state.carriers?.remember(voice.call.callSID, of: accepted, tenant: tenant)
            if accepted == id {
                CallLog(logger: state.logger).received(id, tenant: tenant)
            } else {
                await state.freePlace(of: id)
            }
            return accepted
        } catch ServerState.PlaceRefusal.announced(let owner) {
            throw .elsewhere(owner)
        } catch {
            await state.freePlace(of: id)
            throw refused(error)
        }
    }

    /// Counts the call, which is not taken.
    /// - Parameter isOwn: true for a limit of this server's own; those of a tenant hold on all nodes together.
    private func refused(_ code: Problem.Code, isOwn: Bool = false) -> Refusal {
        state.instruments.refusedCall(.inbound, code)
        switch code {
        case .draining: return .notHere(.draining)
        case .storeUnavailable: return .notHere(.storeUnavailable)
        case _ where isOwn:
            let problem = Problem(.serviceUnavailable, code, "This server has no room for another call")
            return .notHere(problem.retry(after: 5))
        default: return .busy
        }
    }

    private func refused(_ error: any Error) -> Refusal {
        switch error {
        case ServerState.PlaceRefusal.problem(let problem): refused(problem.code)
        case CallManager.Refusal.full: refused(.tooManyCalls, isOwn: true)
        case CallManager.Refusal.draining: refused(.draining)
        default: refused(.internalError)
        }
    }

    // MARK: The agent

    /// The settings count before what agents say of themselves; where neither knows the number, the server's own agent
    /// talks. On the shared account only the default tenant's agents may claim numbers, for they are not others'.
    private func reception(of number: String, account: String?) async -> (tenant: String, agent: AgentProfile) {
        let owner = account ?? ServerConfiguration.APIKey.defaultTenant
        if let named = state.configuration.inboundAgents[number], goesOver(account, named.tenant) {
            if named.id == AgentProfile.configuredID { return (named.tenant, state.configuration.defaultAgent) }
            let record = try? await state.agents.find(named.id, tenant: named.tenant)
            if let agent = await profile(record) { return (named.tenant, agent) }
            state.logger.warning(
                "The agent that the settings name for a number is not there",
                metadata: ["agent_id": "\(named.id)"]
            )
            return (named.tenant, state.configuration.defaultAgent)
        }
        let record = try? await state.agents.find(number: number, tenant: owner)
        return (owner, await profile(record) ?? state.configuration.defaultAgent)
    }

    private func goesOver(_ account: String?, _ tenant: String) -> Bool {
        account == (state.configuration.tenantTwilio[tenant] == nil ? nil : tenant)
    }

    private func profile(_ record: AgentRecord?) async -> AgentProfile? {
        guard let record else { return nil }
        do throws(Problem) {
            let succession = try await state.succession(
                of: record.definition,
                id: record.id,
                tenant: record.tenant,
                isStrict: false
            )
            return succession.agent.filled(with: succession.variables.merging(record.definition.variables) { $1 })
        } catch {
            state.logger.warning("An agent cannot talk as it is", metadata: ["agent_id": "\(record.id)"])
            return nil
        }
    }
}
