// A call in one picture: the speech of both sides, interruptions and other moments; with a recording also both
// waveforms and the position of the playback. The page has the same facts as text.
import { h, stamp, ms } from "./dom.js";

const rulers = [1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000];

/** The stretches of speech of one side, from the moments of a call. An unknown end of the agent's speech is estimated. */
export function speech(moments, turns, end) {
  const spans = [];
  let caller = null;
  for (const m of moments) {
    if (m.kind === "caller_speech_started") caller ??= m.at_ms;
    if (m.kind === "caller_speech_ended" && caller !== null) { spans.push({ isCaller: true, from: caller, to: Math.max(caller + 80, m.at_ms) }); caller = null; }
  }
  if (caller !== null) spans.push({ isCaller: true, from: caller, to: end, isOpen: true });
  const begins = moments.filter(m => m.kind === "agent_speech_started");
  begins.forEach((m, i) => {
    const answered = moments.find(a => a.kind === "agent_answered" && a.at_ms >= m.at_ms - 50 && a.at_ms < (begins[i + 1]?.at_ms ?? Infinity));
    const from = answered?.at_ms ?? m.at_ms;
    const cut = moments.find(x => x.kind === "interrupted" && x.at_ms >= m.at_ms && x.at_ms < (begins[i + 1]?.at_ms ?? Infinity));
    const turn = turns.find(t => t.role === "assistant" && t.at_ms >= m.at_ms - 400 && t.at_ms < (begins[i + 1]?.at_ms ?? Infinity));
    const guess = from + Math.max(600, (turn?.text.length ?? 10) * 62);
    spans.push({ isCaller: false, from, to: Math.min(end, cut?.at_ms ?? Math.min(guess, begins[i + 1]?.at_ms ?? Infinity)), isCut: !!cut });
  });
  return spans;
}

const peaks = (samples, count) => {
  const result = new Float32Array(count), step = samples.length / count;
  for (let i = 0; i < count; i++) {
    let peak = 0;
    for (let k = Math.floor(i * step), to = Math.min(samples.length, Math.floor((i + 1) * step) + 1); k < to; k++) {
      const v = Math.abs(samples[k]);
      if (v > peak) peak = v;
    }
    result[i] = Math.sqrt(peak);
  }
  return result;
};

export class Picture {
  constructor(onseek) {
    this.canvas = h("canvas", { role: "img", "aria-label": "Speech of both sides over time" });
    this.element = h("div", { class: "picture" },
      h("div", { class: "lanes", "aria-hidden": "true" }, h("span", { class: "caller" }, "Caller"), h("span", { class: "agent" }, "Agent")), this.canvas);
    this.data = { moments: [], turns: [], duration: 0, steps: [] };
    this.audio = null;
    this.at = null;
    this.onseek = onseek;
    this.canvas.addEventListener("pointerdown", event => {
      if (!this.audio) return;
      const seek = e => { const box = this.canvas.getBoundingClientRect(); this.onseek(Math.max(0, Math.min(1, (e.clientX - box.left) / box.width)) * this.total); };
      seek(event);
      this.canvas.setPointerCapture(event.pointerId);
      this.canvas.onpointermove = seek;
      this.canvas.onpointerup = this.canvas.onpointercancel = () => { this.canvas.onpointermove = null; };
    });
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
    this.redraw = () => this.draw();
    addEventListener("theme", this.redraw);
  }

  close() { this.observer.disconnect(); removeEventListener("theme", this.redraw); }

  set(data) { Object.assign(this.data, data); this.draw(); }

  /** - buffer: both sides' audio; begins: its start, in milliseconds of the call. */
  setAudio(buffer, begins) {
    this.audio = { buffer, begins, width: 0 };
    this.canvas.classList.add("seekable");
    this.draw();
  }

  place(at) { this.at = at; this.draw(); }

  get total() {
    const recorded = this.audio ? this.audio.begins + this.audio.buffer.duration * 1000 : 0;
    return Math.max(this.data.isLive ? 20000 : 1000, this.data.duration * (this.data.isLive ? 1.04 : 1), recorded);
  }

  draw() {
    const box = this.canvas.getBoundingClientRect(), scale = devicePixelRatio || 1;
    if (!box.width) return;
    const [w, hgt] = [Math.round(box.width * scale), Math.round(box.height * scale)];
    if (this.canvas.width !== w || this.canvas.height !== hgt) { this.canvas.width = w; this.canvas.height = hgt; }
    const c = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
    const colour = name => { this.canvas.style.color = `var(--${name})`; return style.color; };
    const [grid, faint, caller, agent, alarm, good, head, soft] = ["grid", "faint", "caller", "agent", "alarm", "good", "head", "soft"].map(colour);
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, box.width, box.height);
    const total = this.total, x = t => t / total * box.width, top = 20, lane = (box.height - top - 16) / 2;
    const rows = { caller: top + lane / 2, agent: top + lane * 1.5 }, half = lane / 2 - 5;
    const step = rulers.find(r => x(r) > 64) ?? 1200000;
    c.font = "11px system-ui, sans-serif";
    for (let t = 0; t <= total; t += step) {
      c.fillStyle = grid;
      c.fillRect(Math.round(x(t)), 14, 1, box.height - 14);
      c.fillStyle = faint;
      if (x(t) < box.width - 30) c.fillText(step < 1000 ? stamp(t) : stamp(t).slice(0, -2), x(t) + 3, 10);
    }
    const { moments, turns, duration } = this.data;
    const bar = (from, to, y, tall, fill, alpha) => {
      c.globalAlpha = alpha;
      c.fillStyle = fill;
      c.beginPath();
      c.roundRect(x(from), y - tall, Math.max(2, x(to) - x(from)), tall * 2, 4);
      c.fill();
      c.globalAlpha = 1;
    };
    for (const s of speech(moments, turns, duration)) bar(s.from, s.to, s.isCaller ? rows.caller : rows.agent, half, s.isCaller ? caller : agent, this.audio ? .12 : s.isOpen ? .6 : .42);
    if (this.audio) this.waves(c, box, x, rows, half, caller, agent);
    for (const row of [rows.caller, rows.agent]) { c.fillStyle = faint; c.globalAlpha = .5; c.fillRect(0, row, box.width, 1); c.globalAlpha = 1; }
    // The agent's latencies, and the caller's interruptions.
    let free = 0;
    c.font = "600 11px system-ui, sans-serif";
    for (const m of moments) {
      if (m.kind === "agent_answered") {
        const a = x(m.at_ms - m.latency_ms), b = x(m.at_ms), y = rows.agent + half + 9;
        c.strokeStyle = soft;
        c.beginPath();
        c.moveTo(a, y - 3); c.lineTo(a, y + 3); c.moveTo(a, y); c.lineTo(b, y); c.moveTo(b, y - 3); c.lineTo(b, y + 3);
        c.stroke();
        const words = ms(m.latency_ms), wide = c.measureText(words).width;
        if (b + 5 > free && b + 5 + wide < box.width) { c.fillStyle = soft; c.fillText(words, b + 5, y + 4); free = b + wide + 14; }
      }
      if (m.kind === "interrupted") {
        c.strokeStyle = alarm;
        c.setLineDash([4, 3]);
        c.beginPath(); c.moveTo(x(m.at_ms), top); c.lineTo(x(m.at_ms), rows.agent + half); c.stroke();
        c.setLineDash([]);
      }
      const tint = { tool_called: head, dtmf: head, agent_lost: alarm, agent_failed_over: alarm, carrier_error: alarm, response_failed: alarm, transferring: head, answered: good, ended: soft }[m.kind];
      if (tint) { c.fillStyle = tint; c.beginPath(); c.arc(Math.max(4, x(m.at_ms)), top - 2, 3.2, 0, 7); c.fill(); }
    }
    if (this.data.isLive) { c.fillStyle = good; c.fillRect(x(duration) - 1, 14, 2, box.height - 14); }
    if (this.at !== null) { c.fillStyle = head; c.fillRect(x(this.at) - 1, 10, 2, box.height - 10); }
    const talk = moments.filter(m => m.kind === "interrupted").length;
    this.canvas.setAttribute("aria-label", `Speech of both sides over ${stamp(duration)} minutes: ${turns.length} turns, ${talk} interruptions by the caller. The conversation below has the same facts as text.`);
  }

  waves(c, box, x, rows, half, caller, agent) {
    const { buffer, begins } = this.audio, from = x(begins), wide = Math.max(1, Math.round(x(begins + buffer.duration * 1000) - from));
    if (this.audio.width !== wide) {
      this.audio.width = wide;
      this.audio.sides = [0, 1].map(i => peaks(buffer.getChannelData(Math.min(i, buffer.numberOfChannels - 1)), wide));
    }
    [[rows.caller, caller], [rows.agent, agent]].forEach(([y, colour], i) => {
      c.fillStyle = colour;
      const side = this.audio.sides[i];
      for (let k = 0; k < wide; k++) { const tall = side[k] * half; if (tall > .4) c.fillRect(from + k, y - tall, 1, tall * 2); }
    });
  }
}
