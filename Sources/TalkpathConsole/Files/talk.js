// Talks to an agent: the page is the caller's telephone, and uses the carrier's media protocol.
import * as api from "./api.js";
import { h, say, icon, button, toast, field, span } from "./dom.js";
import { decode } from "./sound.js";

/** The page's own call. There is one at a time, and it stays while the user changes between the console's pages. */
let telephone = null;

export function open(agentID = "") {
  const agent = h("select", { name: "agent" }, h("option", { value: "" }, "The server’s own"));
  api.get("agents").then(({ agents }) => {
    agent.append(...agents.map(a => h("option", { value: a.agent_id }, a.name || a.agent_id)));
    agent.value = agentID;
  }).catch(() => {});
  const wrong = h("p", { class: "wrong", role: "alert" });
  const start = h("button", { type: "submit", class: "main" }, icon("mic"), h("span", {}, "Start talking"));
  const form = h("form", { class: "card talk", onsubmit: async event => {
    event.preventDefault();
    start.disabled = true;
    say(wrong, "");
    try {
      telephone?.hangUp();
      telephone = await Telephone.call(agent.value, agent.selectedOptions[0].textContent);
      location.hash = "#/calls/" + api.at(telephone.id);
    } catch (error) {
      if (error.name !== "SignedOut") say(wrong, error.message);
    } finally { start.disabled = false; }
  } },
  h("p", { class: "soft" }, "Your browser is the telephone: you hear the agent as a caller does, and may interrupt. The call has a record, a recording and events like any other; it needs no carrier and dials no number. Use a headset, so that the agent does not hear itself."),
  field("Agent", agent), wrong, h("div", { class: "row" }, start));
  return { title: "Talk", element: h("div", {}, h("div", { class: "head" }, h("h1", {}, "Talk to an agent")), form) };
}

/** Explanations of a browser's refusal of the microphone. */
const refusals = {
  NotAllowedError: "The browser does not let this page use the microphone. Allow it beside the address, and start again.",
  NotFoundError: "This device has no microphone.",
  NotReadableError: "Another program uses the microphone.",
};

async function microphone() {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("Browsers allow the microphone only to pages on https or on this machine’s own address. Open the console there.");
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } });
  } catch (error) {
    throw new Error(refusals[error.name] ?? `The microphone cannot be used: ${error.message}`);
  }
}

class Telephone {
  /** Asks for the microphone, begins the call, and opens its socket. Begins no call without a microphone. */
  static async call(agentID, name) {
    const stream = await microphone();
    const context = new AudioContext();
    try {
      await context.audioWorklet.addModule("/console/microphone.js");
      const call = await api.post("web-calls", agentID ? { agent_id: agentID } : {});
      return new Telephone(call, name, stream, context);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      context.close();
      throw error;
    }
  }

  constructor(call, name, stream, context) {
    Object.assign(this, { id: call.call_id, stream, context, isMuted: false, chunk: 0, next: 0, nodes: new Set(), marks: [] });
    this.streamSid = "MZ" + this.id.replace(/[^0-9A-Za-z]/g, "");
    this.node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.node.port.onmessage = ({ data }) => this.spoke(data);
    context.createMediaStreamSource(stream).connect(this.node);
    context.resume();
    this.show(name);
    this.socket = new WebSocket(Object.assign(new URL(call.media_path, location), { protocol: location.protocol === "https:" ? "wss:" : "ws:" }));
    this.socket.onopen = () => {
      this.send({ event: "connected", protocol: "Call", version: "1.0.0" });
      this.send({ event: "start", sequenceNumber: "1", start: { streamSid: this.streamSid, callSid: "", accountSid: "", tracks: ["inbound"], customParameters: { token: call.token }, mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 } } });
      this.isOpen = true;
    };
    this.socket.onmessage = ({ data }) => this.received(JSON.parse(data));
    this.socket.onclose = event => this.closed(event);
    this.leave = () => this.hangUp();
    addEventListener("pagehide", this.leave);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ streamSid: this.streamSid, ...message }));
  }

  /** Takes a frame of the microphone every 20 ms; also the clock that returns marks. */
  spoke({ bytes, peak }) {
    this.level.value = this.isMuted ? 0 : Math.min(1, peak * 1.4);
    if (!this.isOpen) return;
    if (this.isMuted) bytes.fill(0xff);
    this.chunk++;
    this.send({ event: "media", sequenceNumber: String(this.chunk + 1), media: { track: "inbound", chunk: String(this.chunk), timestamp: String((this.chunk - 1) * 20), payload: btoa(String.fromCharCode(...bytes)) } });
    while (this.marks.length && this.marks[0].at <= this.context.currentTime) this.heard(this.marks.shift());
  }

  heard(mark) {
    this.send({ event: "mark", mark: { name: mark.name } });
  }

  received(message) {
    switch (message.event) {
    case "media": return this.play(message.media.payload);
    case "mark": return void this.marks.push({ name: message.mark.name, at: Math.max(this.next, this.context.currentTime) });
    case "clear":
      for (const node of this.nodes) node.stop();
      this.nodes.clear();
      this.next = 0;
      for (const mark of this.marks.splice(0)) this.heard(mark);
    }
  }

  play(text) {
    const buffer = decode(this.context, text);
    if (!buffer) return;
    const now = this.context.currentTime;
    // If the buffer ran dry, 60 ms in hand cover the jitter of the network and the browser.
    if (this.next < now) this.next = now + 0.06;
    const node = new AudioBufferSourceNode(this.context, { buffer });
    node.connect(this.context.destination);
    node.start(this.next);
    this.next += buffer.duration;
    this.nodes.add(node);
    node.onended = () => this.nodes.delete(node);
  }

  hangUp() {
    this.send({ event: "stop", stop: { accountSid: "", callSid: "" } });
    this.isHungUp = true;
    this.socket.close(1000);
    this.release();
  }

  closed(event) {
    if (!this.isHungUp) toast(event.code === 1000 ? "The call has ended" : `The call has ended: ${event.reason || "the connection was lost"}`, event.code !== 1000);
    this.release();
  }

  release() {
    for (const track of this.stream.getTracks()) track.stop();
    if (this.context.state !== "closed") this.context.close();
    clearInterval(this.timer);
    removeEventListener("pagehide", this.leave);
    this.dock.remove();
    if (telephone === this) telephone = null;
  }

  /** The telephone's own bar, below every page. */
  show(name) {
    const began = Date.now(), long = h("span", { class: "clock" }, "0:00");
    this.level = h("meter", { min: 0, max: 1, value: 0, "aria-label": "Level of your voice" });
    const mute = button("Mute me", () => {
      this.isMuted = !this.isMuted;
      mute.setAttribute("aria-pressed", String(this.isMuted));
      say(mute.lastChild, this.isMuted ? "Unmute me" : "Mute me");
    }, { class: "small", icon: "mic", pressed: "false" });
    this.dock = h("section", { class: "dock", "aria-label": "Your telephone" },
      h("span", { class: "with" }, icon("phone"), h("a", { href: "#/calls/" + api.at(this.id) }, name)), long, this.level, mute,
      button("Hang up", () => this.hangUp(), { class: "danger small", icon: "end" }));
    this.timer = setInterval(() => say(long, span(Date.now() - began)), 1000);
    document.body.append(this.dock);
  }
}
