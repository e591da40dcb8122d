// One call: the same page while it is live and after its end.
import * as api from "./api.js";
import { h, fill, say, icon, button, ask, attempt, field, empty, toast, ms, span, stamp, time, words, phrase, pill, plural, copyable } from "./dom.js";
import { parties, agentName, voice } from "./calls.js";
import { Picture } from "./picture.js";
import { Listener } from "./listen.js";

// Moments that the conversation shows between the turns. Other moments are in the picture only.
const remarks = {
  ringing: () => ["phone", "The phone rings"], answered: () => ["phone", "The call is answered", "good"],
  agent_ready: m => ["agent", m.isAgain ? "The model’s session is open again" : "The model is ready"],
  tool_called: m => ["tool", `The agent calls the function ${m.name}`], dtmf: () => ["keys", "The caller presses a key"],
  agent_failed_over: m => ["warn", `${m.to.provider} ${m.to.model} takes over from ${m.from.provider} ${m.from.model}: ${m.reason}`, "bad"],
  agent_lost: m => ["warn", `The model’s session is lost: ${m.reason}`, "bad"],
  carrier_error: m => ["warn", `The carrier reports an error (${words(m.source)}): ${m.message}`, "bad"],
  response_failed: m => ["warn", `An answer of the model ${m.status === "incomplete" ? "stays incomplete" : "failed"}: ${m.code}`, "bad"],
  transferring: () => ["transfer", "The caller is being transferred"],
  transfer_answered: () => ["transfer", "The other party has answered: the two talk", "good"],
  transfer_failed: m => ["warn", `The transfer failed: ${m.reason}`, "bad"],
  machine_detected: m => ["agent", `The carrier reports that the call was answered by: ${words(m.answered_by)}`],
  idle_prompted: () => ["clock", "Nothing is said: the agent is asked to speak"],
  loop_suspected: m => ["warn", `Two agents seem to talk in a loop (${Math.round(m.score * 100)} %)`, "bad"],
  interrupted: m => ["cut", `The caller interrupts; ${ms(m.heard_ms)} of the agent were heard`, "bad"],
  listener_joined: () => ["ear", "A listener joins"],
  recording: () => ["down", "The recording is ready", "good"],
};

// Stored events of earlier calls, as moments.
const kept = { "call.ringing": "ringing", "call.answered": "answered", "call.dtmf": "dtmf", "call.listened": "listener_joined", "call.transfer_started": "transferring", "call.transfer_answered": "transfer_answered", "call.transfer_failed": "transfer_failed", "agent.tool_called": "tool_called", "agent.lost": "agent_lost", "agent.failed_over": "agent_failed_over", "carrier.error": "carrier_error", "agent.response_failed": "response_failed" };

/** An unknown amount is shown as unknown, never as $0. */
const dollars = amount => amount === null || amount === undefined ? "unknown" : "$" + (amount && amount < 0.0001 ? amount.toExponential(1) : amount.toFixed(4));

/** A call's cost, item by item. */
const costs = cost => cost?.items.length ? h("ul", { class: "plain" }, cost.items.map(i => h("li", {}, `${phrase(i.part)}, ${words(i.kind)}: ${i.quantity} ${i.unit} · ${dollars(i.amount)}`))) : null;

export function open(id) {
  const page = new CallPage(id);
  return { title: "Call", element: page.element, close: () => page.close() };
}

class CallPage {
  constructor(id) {
    this.id = id;
    this.path = "calls/" + api.at(id);
    this.call = null;
    this.moments = [];
    this.now = null;
    this.isOver = false;
    this.rows = new Map();
    this.element = h("div", { class: "call" }, h("p", { class: "soft pad" }, "Loading…"));
    this.picture = new Picture(at => this.seek(at));
    this.stops = [];
    this.timer = setInterval(() => this.tick(), 250);
    this.keys = event => { if (event.code === "Space" && this.player && !event.target.closest("button, input, textarea, select, a, dialog")) { event.preventDefault(); this.toggle(); } };
    document.addEventListener("keydown", this.keys);
    this.load();
  }

  close() {
    for (const stop of this.stops) stop();
    clearInterval(this.timer);
    document.removeEventListener("keydown", this.keys);
    this.picture.close();
    this.listener?.close();
    if (this.player) { this.player.pause(); URL.revokeObjectURL(this.player.src); }
    this.isClosed = true;
  }

  async load() {
    try {
      this.call = await api.get(this.path);
    } catch (error) {
      if (error.name === "SignedOut" || this.isClosed) return;
      fill(this.element, h("div", { class: "head" }, h("h1", {}, error.status === 404 ? "No such call" : "The call cannot be shown")),
        h("div", { class: "card" }, error.status === 404
          ? empty("There is no call with this id", "It may have been deleted, or belong to another tenant.", h("a", { href: "#/calls" }, "All calls")) : empty("Something went wrong", error.message)));
      return;
    }
    if (this.isClosed) return;
    this.build();
    this.stops.push(api.follow(this.path + "/activity", {
      call: call => this.take(call),
      moment: moment => this.happened(moment),
      turn: turn => { this.said(turn); this.conversation(); },
      now: now => { this.now = now; this.refresh(); },
      end: (_, stop) => { stop(); this.over(); },
    }, { opened: () => { this.isFresh = true; } }));
  }

  // MARK: Events

  /** Takes the whole call: the stream's first message, after which its moments follow again, and its last message. */
  take(call) {
    if (this.isFresh) this.moments = [];
    this.isFresh = false;
    this.call = call;
    this.since = Date.now() - call.duration_ms;
    this.refresh();
  }

  happened(moment) {
    if (moment.kind === "agent_ready") { moment.isAgain = this.moments.some(m => m.kind === "agent_ready"); }
    this.moments.push(moment);
    const call = this.call;
    if (moment.kind === "transcript") this.said(moment.turn);
    if (moment.kind === "ringing" && call.status === "initiating") call.status = "ringing";
    if (moment.kind === "answered" && !call.receipt) call.status = "in_progress";
    if (moment.kind === "interrupted") this.figuresAreOld = true;
    if (moment.kind === "agent_answered") this.figuresAreOld = true;
    if (moment.kind === "ended") { Object.assign(call, { receipt: moment.receipt, status: moment.receipt.status, ended_reason: moment.receipt.ended_reason, ended_at: moment.receipt.ended_at, duration_ms: moment.receipt.duration_ms }); this.now = null; }
    // A hundred moments may come at once; the page is drawn once for all of them.
    if (!this.isWaiting) { this.isWaiting = true; requestAnimationFrame(() => { this.isWaiting = false; if (!this.isClosed) this.refresh(); }); }
  }

  said(turn) {
    const turns = this.call.transcript, place = turns.findIndex(t => t.turn_id && t.turn_id === turn.turn_id);
    if (place >= 0) turns[place] = turn; else turns.push(turn);
  }

  /** The call is over: follows the events that come after the end. */
  over() {
    if (this.isOver) return;
    this.isOver = true;
    this.now = null;
    const isForgotten = this.moments.length === 0;
    let hasRecording = false;
    const history = [];
    this.stops.push(api.follow(this.path + "/events", {
      ...Object.fromEntries(Object.entries(kept).map(([name, kind]) => [name, ({ data }) => { if (isForgotten) history.push({ ...data, kind }); }])),
      "call.recording": () => { if (!hasRecording) { hasRecording = true; this.loadRecording(); } },
      "call.analyzed": async () => { try { this.call = await api.get(this.path); this.refresh(); } catch { /* The page stays as it is. */ } },
      "call.ended": (_, stop) => {
        if (isForgotten) { this.moments = history.sort((a, b) => a.at_ms - b.at_ms); this.refresh(); }
        this.hasHistory = true;
        setTimeout(stop, 35000);
      },
    }, { isPrimary: false }));
    this.refresh();
  }

  // MARK: The page

  build() {
    const { call } = this, { isIn, other, own } = parties(call), part = (name, ...classes) => (this[name] = h("div", { class: [name, ...classes].join(" ") }));
    document.title = `${other} · Talkpath`;
    this.state = h("span");
    this.voice = voice();
    this.tiles = h("dl", { class: "tiles" });
    this.list = h("ol", { class: "turns", "aria-label": "Conversation", tabindex: "0" });
    this.hint = h("p", { class: "soft pad-s" });
    this.ending = h("section", { class: "card", "aria-labelledby": "end-title" });
    this.judged = h("section", { class: "card", "aria-labelledby": "judged-title", hidden: true });
    this.facts = h("dl", { class: "facts" });
    this.files = h("div", { class: "row wrap" });
    this.playing = h("div", { class: "player", hidden: true });
    const live = h("span", { class: "sr", role: "log", "aria-live": "polite" });
    this.live = live;
    fill(this.element,
      h("a", { class: "back", href: "#/calls" }, icon("back"), "Calls"),
      h("div", { class: "head" }, h("div", {}, h("h1", {}, h("span", { class: "sr" }, isIn ? "Call from " : "Call to "), other), h("p", { class: "soft" }, this.state, h("span", {}, isIn ? "inbound" : "outbound", own ? (isIn ? ` to ${own}` : ` from ${own}`) : ""), h("span", {}, agentName(call)), h("span", {}, time(call.started_at)))), this.voice.element),
      part("controls"),
      this.tiles,
      h("section", { class: "card", "aria-label": "Timeline" }, this.picture.element, this.playing),
      h("div", { class: "columns" },
        h("section", { class: "card flush", "aria-labelledby": "said-title" }, h("h2", { id: "said-title", class: "pad-t" }, "Conversation"), this.list, this.hint, part("composer")),
        h("div", { class: "side" }, this.ending, this.judged,
          h("section", { class: "card", "aria-labelledby": "facts-title" }, h("h2", { id: "facts-title" }, "About this call"), this.facts, this.files))),
      live);
    this.since = Date.now() - call.duration_ms;
    this.controlsAre = "";
    this.refresh();
  }

  get isLive() { return !this.call.receipt && !["completed", "failed", "busy", "no_answer", "canceled"].includes(this.call.status); }
  /** Only a carrier can transfer a caller. A carrier's inbound call has a carrier's call id from the start. */
  get hasCarrier() { return this.call.direction === "outbound" || !!this.call.carrier_call_id; }
  get cost() { return this.call.receipt?.cost ?? this.call.cost; }
  get duration() { return this.isLive ? Date.now() - this.since : this.call.duration_ms; }

  tick() {
    if (!this.call || !this.tiles) return;
    if (this.isLive) {
      say(this.tiles.querySelector("[data-tile=duration] dd") ?? h("i"), span(this.duration));
      this.picture.set({ duration: this.duration });
      if (this.figuresAreOld && !this.isAsking) {
        this.isAsking = true;
        this.figuresAreOld = false;
        api.get(this.path).then(call => { if (this.isLive) { this.call.metrics = call.metrics; this.call.cost = call.cost; this.figures(); } }).catch(() => {}).finally(() => setTimeout(() => { this.isAsking = false; }, 1500));
      }
    }
    if (this.player && !this.player.paused) this.follow();
  }

  refresh() {
    if (!this.tiles || this.isClosed) return;
    const { call } = this;
    if (this.statusIs !== call.status) { fill(this.state, pill(call.status)); if (this.statusIs) say(this.live, phrase(call.status)); this.statusIs = call.status; }
    this.voice.element.hidden = !this.isLive;
    this.voice.set(this.now, call.status);
    this.figures();
    this.conversation();
    this.controlBar();
    this.end();
    this.analysis();
    this.about();
    this.picture.set({ moments: this.moments, turns: call.transcript, duration: this.duration, isLive: this.isLive });
  }

  figures() {
    const { call } = this, m = call.metrics, tile = (name, label, value, title) => h("div", { "data-tile": name, title }, h("dt", {}, label), h("dd", {}, value));
    const lost = m.gaps + m.underruns;
    fill(this.tiles,
      tile("duration", "Duration", span(this.duration)),
      tile("latency", "Answers in", m.turn_latency.count ? ms(m.turn_latency.p50_ms) : "–", "From the caller’s last sound to the agent’s first audio on the wire, over the call’s turns"),
      tile("worst", "At most", m.turn_latency.count ? ms(m.turn_latency.max_ms) : "–"),
      tile("breaks", "Interruptions", m.interruptions + "×", "The number of times that the caller interrupted the agent"),
      tile("cleared", "Line cleared in", m.barge_in_clear.count ? ms(m.barge_in_clear.max_ms) : "–", "The longest time from the model’s report of an interruption"),
      tile("holes", "Holes", lost ? plural(lost, "hole") : "none", "Lost stretches of the caller’s audio, and gaps in the agent’s audio"),
      tile("tokens", "Tokens", m.input_tokens + m.output_tokens ? `${m.input_tokens} in, ${m.output_tokens} out` : "–"),
      tile("cost", "Cost", this.cost ? dollars(this.cost.total) : "–", "By the price table: model, transcripts and the carrier’s minutes. Unknown if the price of a part is unknown"));
  }

  conversation() {
    const items = [];
    const waits = this.moments.filter(m => m.kind === "agent_answered").map(m => ({ ...m }));
    const turns = this.call.transcript;
    for (const w of waits) {
      const fitting = turns.filter(t => t.role === "assistant" && Math.abs(t.at_ms - w.at_ms) < 4000).sort((a, b) => Math.abs(a.at_ms - w.at_ms) - Math.abs(b.at_ms - w.at_ms));
      w.turn = fitting.find(t => !waits.some(o => o !== w && o.turn === t));
    }
    turns.forEach((turn, i) => items.push({ key: "t" + (turn.turn_id ?? i), at: turn.at_ms, turn, wait: waits.find(w => w.turn === turn) }));
    this.moments.forEach((m, i) => {
      if (remarks[m.kind]) items.push({ key: `m${i}${m.kind}${m.at_ms}`, at: m.at_ms, moment: m });
    });
    items.sort((a, b) => a.at - b.at);
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    const seen = new Set();
    items.forEach((item, i) => {
      const text = JSON.stringify([item, !!this.player]);
      seen.add(item.key);
      let row = this.rows.get(item.key);
      if (!row) { row = { element: h("li"), text: "" }; this.rows.set(item.key, row); }
      if (row.text !== text) {
        row.text = text;
        row.at = item.at;
        if (item.turn) this.turnRow(row.element, item); else this.remarkRow(row.element, item.moment);
      }
      if (this.list.children[i] !== row.element) this.list.insertBefore(row.element, this.list.children[i] ?? null);
    });
    for (const [key, row] of this.rows) if (!seen.has(key)) { row.element.remove(); this.rows.delete(key); }
    say(this.hint, turns.length || !this.call.receipt ? (turns.length ? "" : "Words appear here as they are said.") : "The call has no words, or they are not kept.");
    this.hint.hidden = !this.hint.textContent;
    if (this.isLive && atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  turnRow(row, { turn, wait }) {
    const isCaller = turn.role === "user", heard = turn.heard_text ?? turn.text;
    row.className = "turn " + (isCaller ? "caller" : "agent");
    const at = this.player ? h("button", { type: "button", class: "at", title: "Play from here", onclick: () => this.seek(turn.at_ms, true) }, stamp(turn.at_ms)) : h("span", { class: "at" }, stamp(turn.at_ms));
    fill(row, h("div", { class: "by" }, h("strong", {}, isCaller ? "Caller" : "Agent"), at, wait ? h("span", { class: "wait" + (wait.latency_ms > 1500 ? " slow" : ""), title: "From the caller’s last sound to the agent’s first audio" }, "after " + ms(wait.latency_ms)) : null),
      h("p", {}, heard, heard.length < turn.text.length ? h("span", { class: "unheard", title: "Not heard" }, turn.text.slice(heard.length)) : null),
      turn.heard_ms !== undefined ? h("p", { class: "cut" }, icon("cut"), turn.heard_ms ? `The caller heard ${ms(turn.heard_ms)} of this` : "The caller never heard this") : null);
  }

  remarkRow(row, moment) {
    const [sign, text, tone] = remarks[moment.kind](moment);
    row.className = "remark " + (tone ?? "");
    fill(row, icon(sign), h("span", {}, text), h("span", { class: "at" }, stamp(moment.at_ms)));
  }

  // MARK: Controls

  async act(path, body, done) { return attempt(() => api.post(`${this.path}/${path}`, body), done); }

  controlBar() {
    const { call, now } = this, muted = now?.muted ?? [], state = JSON.stringify([this.isLive, call.status, muted, !!this.listener, this.hasCarrier]);
    if (state === this.controlsAre) return;
    const isFirst = this.controlsAre === "";
    this.controlsAre = state;
    // Rebuilt only if its state has changed. The focus stays on its button.
    const place = [...this.controls.querySelectorAll("button")].indexOf(document.activeElement);
    if (!this.isLive) {
      this.listener?.close();
      this.listener = null;
      fill(this.controls);
      this.controls.hidden = true;
      fill(this.composer);
      this.composer.hidden = true;
      if (place >= 0) document.getElementById("main").focus();
      return;
    }
    const isTalking = call.status === "in_progress";
    const mute = leg => button((muted.includes(leg) ? "Unmute " : "Mute ") + leg, () => this.act(muted.includes(leg) ? "unmute" : "mute", { leg }), { icon: "mic", pressed: muted.includes(leg) ? "true" : "false", disabled: !isTalking });
    fill(this.controls,
      button("End now", () => this.stop("now"), { class: "danger", icon: "end", title: "Ends the call at once" }),
      button("End after the agent’s words", () => this.stop("drain"), { icon: "clock", title: "Ends the call after the agent’s audio has been played", disabled: !isTalking }),
      button(this.listener ? "Listening" : "Listen", () => this.listen(), { icon: "ear", pressed: this.listener ? "true" : "false", title: "Plays both sides in real time; the call’s record has the listener", disabled: !isTalking }),
      mute("caller"), mute("agent"),
      button("Keys", () => this.keypad(), { icon: "keys", disabled: !isTalking }),
      this.hasCarrier ? button("Transfer", () => this.transfer(), { icon: "transfer", disabled: !isTalking }) : null);
    if (place >= 0) this.controls.querySelectorAll("button")[place]?.focus();
    if (!this.composer.firstChild) this.compose();
    for (const control of this.composer.querySelectorAll("button, select, textarea")) control.disabled = !isTalking;
  }

  listen() {
    if (this.listener) { this.listener.close(); this.listener = null; }
    else this.listener = new Listener(this.id, () => { this.listener?.close(); this.listener = null; this.controlBar(); });
    this.controlBar();
  }

  async stop(mode) {
    for (const b of this.controls.querySelectorAll("button")) b.disabled = true;
    const went = await this.act("end", { mode, reason: "ended in the console" }, receipt => `The call has ended; it took ${ms(receipt.teardown_ms)}`);
    if (!went) { this.controlsAre = "again"; this.controlBar(); }
  }

  compose() {
    const what = h("select", { name: "what", "aria-label": "Use of the words" }, [["say", "Agent says"], ["tell", "Tell the agent"], ["answer", "Tell and answer"]].map(([value, label]) => h("option", { value }, label)));
    const text = h("textarea", { name: "text", rows: 1, required: true, placeholder: "The agent says this in its own words", "aria-label": "Words" });
    const hints = { say: "The agent says this in its own words", tell: "The agent gets this and does not answer it", answer: "The agent gets this and answers at once" };
    what.addEventListener("change", () => { text.placeholder = hints[what.value]; });
    const form = h("form", { class: "compose", onsubmit: async event => {
      event.preventDefault();
      const words = text.value.trim();
      if (!words) return;
      text.value = "";
      const went = what.value === "say" ? await this.act("say", { text: words }, said => said.cut ? "Said, and cut short" : "Said")
        : await this.act("messages", { text: words, respond: what.value === "answer" }, "The agent has the message");
      if (!went && !text.value) text.value = words;
    } }, what, text, h("button", { type: "submit", class: "main" }, "Send"));
    text.addEventListener("keydown", event => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); form.requestSubmit(); } });
    fill(this.composer, form);
    this.composer.hidden = false;
  }

  keypad() {
    const digits = h("input", { name: "digits", required: true, maxlength: 50, pattern: "[0-9*#A-Da-dwW,]+", autocomplete: "off", inputmode: "tel" });
    const pad = h("div", { class: "pad-keys", role: "group", "aria-label": "Keypad" }, [..."123456789*0#"].map(key => h("button", { type: "button", onclick: () => { digits.value += key; digits.focus(); } }, key)));
    ask({ title: "Send keys", body: [pad, field("Keys", digits, "A comma waits half a second.")], action: "Send",
      submit: async values => { await api.post(this.path + "/dtmf", { digits: values.digits }); toast("Keys sent"); } });
  }

  transfer() {
    const to = h("input", { name: "to", type: "tel", required: true, placeholder: "+14155550100", autocomplete: "off" });
    const mode = h("select", { name: "mode" }, h("option", { value: "drain" }, "After the agent’s words"), h("option", { value: "now" }, "At once"));
    ask({ title: "Transfer the call", intro: "The carrier connects the caller with another number, and the agent leaves the call.", body: [field("Number", to), field("When", mode)], action: "Transfer",
      submit: async values => { await api.post(this.path + "/transfer", { to: values.to.replace(/[\s()-]/g, ""), mode: values.mode }); toast("The call is transferred"); } });
  }

  // MARK: Beside the conversation

  end() {
    const receipt = this.call.receipt, state = receipt ? receipt.ended_at + receipt.steps.length + receipt.carrier_confirmed : this.call.status;
    if (this.endIs === state) return;
    this.endIs = state;
    if (!receipt) { fill(this.ending, h("h2", { id: "end-title" }, "The end"), h("p", { class: "soft" }, this.call.status === "ending" ? "The call is being ended…" : "The call is live. Its end appears here, step by step.")); return; }
    const longest = Math.max(1, ...receipt.steps.map(s => s.started_ms + s.ms)), isBad = s => s.outcome === "failed" || s.outcome === "timed_out";
    fill(this.ending, h("h2", { id: "end-title" }, "The end"),
      h("p", { class: "verdict " + (receipt.carrier_confirmed ? "good" : "bad") }, icon(receipt.carrier_confirmed ? "phone" : "warn"), h("span", {}, receipt.carrier_confirmed ? "The carrier confirms that the call is over" : "The carrier has not confirmed that the call is over")),
      h("p", { class: "soft" }, `${phrase(receipt.ended_reason)}${receipt.reason ? `: ${receipt.reason}` : ""} · ${ms(receipt.teardown_ms)} to end`),
      h("ul", { class: "steps" }, receipt.steps.map(s => {
        const bar = h("i", { class: isBad(s) ? "bad" : s.outcome === "skipped" ? "none" : "" });
        bar.style.marginLeft = Math.min(97, s.started_ms / longest * 100) + "%";
        bar.style.width = Math.max(1.5, s.ms / longest * 100) + "%";
        return h("li", {}, h("span", {}, phrase(s.step)), h("div", { class: "rail", "aria-hidden": "true" }, bar), h("em", {}, words(s.outcome) + (s.outcome === "skipped" ? "" : " · " + (s.ms < 10 ? s.ms.toFixed(1) : Math.round(s.ms)) + " ms")), s.error ? h("small", { class: "wrong" }, s.error) : null);
      })),
      receipt.carrier_errors?.length ? h("ul", { class: "plain" }, receipt.carrier_errors.map(e => h("li", { class: "wrong" }, `${phrase(e.source)}: ${e.message}`))) : null);
  }

  analysis() {
    const a = this.call.analysis;
    this.judged.hidden = !a;
    if (!a) return;
    const line = (label, value) => value === null || value === undefined || value === "" ? null : [h("dt", {}, label), h("dd", {}, value)];
    fill(this.judged, h("h2", { id: "judged-title" }, "Analysis"), a.summary ? h("p", {}, a.summary) : null, h("dl", { class: "facts" },
      line("Outcome", a.outcome && phrase(a.outcome)), line("Sentiment", a.sentiment && phrase(a.sentiment)), line("Agent’s share", a.agent_talk_ratio === null ? null : Math.round(a.agent_talk_ratio * 100) + " %"),
      line("Turns", String(a.turns)), line("Longest silence", a.longest_silence_ms === null ? null : ms(a.longest_silence_ms)), line("Judged by", a.model)));
  }

  about() {
    const { call } = this, line = (label, value) => value === null || value === undefined || value === "" ? null : [h("dt", {}, label), h("dd", {}, value)];
    const state = JSON.stringify([call.carrier_call_id, call.answered_at, call.ended_at, call.answered_by, call.loop_score, call.metadata, this.cost, this.isOver]);
    if (this.aboutIs === state) return;
    this.aboutIs = state;
    const object = o => Object.keys(o ?? {}).length ? h("pre", {}, JSON.stringify(o, null, 2)) : null;
    fill(this.facts, line("Call", copyable(call.call_id)), line("Carrier’s call id", call.carrier_call_id ? copyable(call.carrier_call_id) : null), line("Agent", h("span", {}, agentName(call), " · ", call.agent.provider, " ", call.agent.model, " · ", call.agent.format)),
      line("Answered", call.answered_at ? h("span", {}, time(call.answered_at), call.answered_by ? " by " + words(call.answered_by) : "") : null), line("Ended", call.ended_at ? time(call.ended_at) : null),
      line("Loop score", call.loop_score ? Math.round(call.loop_score * 100) + " %" : null), line("Cost", costs(this.cost)), line("Metadata", object(call.metadata)), line("Variables", object(call.variables)));
    const fetcher = (label, path, name) => button(label, () => attempt(() => api.save(`${this.path}/${path}`, name)), { class: "quiet small", icon: "down" });
    fill(this.files, h("a", { class: "button quiet small", href: `/api/${this.path}`, target: "_blank", rel: "noopener" }, "Record"), fetcher("Transcript", "transcript", `${this.id}.json`),
      this.isOver ? [fetcher("Recording", "recording", `${this.id}.ogg`), fetcher("Capture", "capture", `${this.id}.tpcap`), fetcher("Events", "events", `${this.id}.events.txt`),
        button("Delete", () => ask({ title: "Delete this call?", intro: "The server deletes every copy of its record, transcript, events, recording and capture. They cannot be restored.", action: "Delete", danger: true, submit: async () => { await api.del(this.path); toast("The call is deleted"); location.hash = "#/calls"; } }), { class: "quiet small danger-text" })] : null);
  }

  // MARK: The recording

  async loadRecording() {
    try {
      const blob = await api.file(this.path + "/recording"), bytes = await blob.arrayBuffer();
      const decoder = new OfflineAudioContext(2, 1, 16000), buffer = await decoder.decodeAudioData(bytes);
      if (this.isClosed) return;
      const began = this.moments.find(m => m.kind === "media_started")?.at_ms ?? (this.call.answered_at ? new Date(this.call.answered_at) - new Date(this.call.started_at) : 0);
      this.begins = began;
      this.player = new Audio(URL.createObjectURL(blob));
      this.picture.setAudio(buffer, began);
      this.play = button("Play", () => this.toggle(), { class: "main", icon: "play" });
      this.range = h("input", { type: "range", min: 0, max: Math.round(buffer.duration * 1000), step: 100, value: 0, "aria-label": "Place in the recording" });
      this.range.addEventListener("input", () => this.seek(began + Number(this.range.value)));
      this.clock = h("span", { class: "clock" });
      fill(this.playing, this.play, this.range, this.clock, h("span", { class: "soft hide-s" }, "Caller left, agent right · Space plays"));
      this.playing.hidden = false;
      const dress = () => fill(this.play, icon(this.player.paused ? "play" : "pause"), h("span", {}, this.player.paused ? "Play" : "Pause"));
      this.player.onplay = () => { dress(); const frame = () => { if (this.player.paused || this.isClosed) return; this.follow(); requestAnimationFrame(frame); }; frame(); };
      this.player.onpause = this.player.onended = dress;
      this.length = buffer.duration * 1000;
      this.conversation();
      this.follow();
    } catch (error) { if (error.name !== "SignedOut") toast(`The recording cannot be played: ${error.message}`, true); }
  }

  toggle() { if (this.player.paused) this.player.play().catch(() => {}); else this.player.pause(); }

  seek(at, plays) {
    if (!this.player) return;
    this.player.currentTime = Math.max(0, at - this.begins) / 1000;
    this.follow();
    if (plays) this.player.play().catch(() => {});
  }

  follow() {
    const at = this.player.currentTime * 1000;
    this.picture.place(this.begins + at);
    this.range.value = at;
    this.range.setAttribute("aria-valuetext", stamp(at));
    say(this.clock, `${stamp(at)} / ${stamp(this.length)}`);
    let latest = null;
    for (const row of this.rows.values()) { if (row.at <= this.begins + at + 150 && row.element.classList.contains("turn") && (!latest || row.at > latest.at)) latest = row; }
    if (latest !== this.current) { this.current?.element.removeAttribute("aria-current"); latest?.element.setAttribute("aria-current", "true"); this.current = latest; }
  }
}
