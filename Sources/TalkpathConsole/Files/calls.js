// The list of calls: live ones, updated by a stream, and ended ones, with a search.
import * as api from "./api.js";
import { h, fill, say, icon, button, ask, attempt, field, empty, ms, span, time, words, phrase, pill, plural } from "./dom.js";

export const parties = call => {
  const isIn = call.direction === "incoming" || call.direction === "inbound";
  return { isIn, other: (isIn ? call.from_number : call.to_number) || "unknown", own: (isIn ? call.to_number : call.from_number) || "" };
};

export const agentName = call => call.agent?.name || (call.agent_id && call.agent_id !== "default" ? call.agent_id : call.agent?.model) || "–";

const direction = call => {
  const { isIn } = parties(call);
  return h("span", { class: "way " + (isIn ? "in" : "out"), title: isIn ? "Inbound" : "Outbound" }, icon(isIn ? "in" : "out"), h("span", { class: "sr" }, isIn ? "Inbound from" : "Outbound to"));
};

/** Three bars that move while a side speaks; words for screen readers. */
export function voice() {
  const label = h("span", {});
  const element = h("span", { class: "voice", "data-who": "none" }, h("span", { class: "bars", "aria-hidden": "true" }, h("i"), h("i"), h("i")), label);
  return { element, set(now, status) {
    const both = now?.caller_speaks && now?.agent_is_heard;
    const who = both ? "both" : now?.caller_speaks ? "caller" : now?.agent_is_heard ? "agent" : "none";
    element.dataset.who = who;
    say(label, { both: "Both speak", caller: "Caller speaks", agent: "Agent speaks", none: status === "in_progress" ? "Quiet" : "" }[who]);
  } };
}

export function placeCall(agentID = "") {
  const to = h("input", { name: "to", type: "tel", required: true, placeholder: "+14155550100", autocomplete: "off" });
  const agent = h("select", { name: "agent_id" }, h("option", { value: "" }, "The server’s own"));
  api.get("agents").then(({ agents }) => {
    agent.append(...agents.map(a => h("option", { value: a.agent_id }, a.name || a.agent_id)));
    agent.value = agentID;
  }).catch(() => {});
  const prompt = h("textarea", { name: "prompt", rows: 3, placeholder: "The agent’s own" });
  ask({
    title: "Place a call", action: "Call", body: [field("Number", to, "In E.164: a plus sign, the country code, the number."), field("Agent", agent), field("Instructions for this call", prompt)],
    submit: async values => {
      const order = { to: values.to.replace(/[\s()-]/g, "") };
      if (values.agent_id) order.agent_id = values.agent_id;
      if (values.prompt.trim()) order.prompt = values.prompt;
      const call = await api.post("calls", order);
      location.hash = "#/calls/" + api.at(call.call_id);
    },
  });
}

export function open() {
  const live = liveCalls(), ended = endedCalls();
  const endAll = button("End all", () => ask({
    title: "End all live calls?", intro: "The server ends every live call of your tenant at once, in the middle of the conversation.", action: "End all calls", danger: true,
    submit: async () => { await api.post("calls/end", { all: true, reason: "ended in the console" }); },
  }), { class: "quiet danger-text" });
  const count = h("span", { class: "count" }, "0");
  const element = h("div", {},
    h("div", { class: "head" }, h("h1", {}, "Calls"), button("Place a call", () => placeCall(), { class: "main", icon: "phone" })),
    h("section", { "aria-labelledby": "live-title" }, h("div", { class: "subhead" }, h("h2", { id: "live-title" }, "Live ", count), endAll), live.element),
    h("section", { "aria-labelledby": "ended-title" }, h("div", { class: "subhead" }, h("h2", { id: "ended-title" }, "Ended")), ended.element));
  live.onchange = number => { say(count, String(number)); endAll.hidden = number < 2; };
  live.onended = call => ended.take(call);
  const stop = api.follow("activity", {
    calls: ({ calls }) => { live.reset(calls); ended.load(); },
    call: call => live.take(call),
    ended: call => live.drop(call),
  });
  const timer = setInterval(() => live.tick(), 1000);
  return { title: "Calls", element, close() { stop(); clearInterval(timer); } };
}

function liveCalls() {
  const list = h("ul", { class: "rows live" }), nothing = empty("No live calls", "Calls appear here as soon as they begin.");
  nothing.hidden = true;
  const rows = new Map();
  const self = { element: h("div", { class: "card flush", "aria-busy": "true" }, list, nothing), onchange() {}, onended() {} };
  const count = () => { nothing.hidden = rows.size > 0; self.onchange(rows.size); };

  function row(call) {
    const { other } = parties(call);
    const state = h("span"), talk = voice(), text = h("span", { class: "said" }), latency = h("b"), long = h("b");
    const element = h("li", {},
      h("div", { class: "c-state" }, state),
      h("div", { class: "c-who" }, direction(call), h("a", { class: "cover", href: "#/calls/" + api.at(call.call_id) }, other), h("small", {}, agentName(call))),
      h("div", { class: "c-talk" }, talk.element, text),
      h("div", { class: "c-figure" }, latency, h("small", {}, "answers in")),
      h("div", { class: "c-figure" }, long, h("small", {}, "duration")),
      h("div", { class: "c-act" }, button("End", () => attempt(() => api.post(`calls/${api.at(call.call_id)}/end`, { reason: "ended in the console" }), "The call has ended"), { class: "danger small", icon: "end", label: "End the call with " + other })));
    const made = { element, status: "", since: 0, update(call) {
      made.since = Date.now() - call.duration_ms;
      if (made.status !== call.status) fill(state, pill(call.status));
      made.status = call.status;
      talk.set(call.activity, call.status);
      const turn = call.last_turn;
      fill(text, turn ? [h("em", { class: turn.role === "user" ? "caller" : "agent" }, turn.role === "user" ? "Caller: " : "Agent: "), turn.text] : null);
      say(latency, call.turn_latency.count ? ms(call.turn_latency.p50_ms) : "–");
      made.tick();
    }, tick() { say(long, span(Date.now() - made.since)); } };
    made.update(call);
    return made;
  }
  self.reset = calls => {
    self.element.removeAttribute("aria-busy");
    rows.clear();
    fill(list);
    for (const call of [...calls].sort((a, b) => a.started_at < b.started_at ? 1 : -1)) add(call, false);
    count();
  };
  const add = (call, isNew) => {
    const made = row(call);
    rows.set(call.call_id, made);
    if (isNew) { list.prepend(made.element); made.element.classList.add("new"); } else list.append(made.element);
  };
  self.take = call => { if (rows.has(call.call_id)) rows.get(call.call_id).update(call); else add(call, true); count(); };
  self.drop = call => {
    const made = rows.get(call.call_id);
    if (made?.element.contains(document.activeElement)) document.getElementById("main").focus();
    made?.element.remove();
    rows.delete(call.call_id);
    count();
    self.onended(call);
  };
  self.tick = () => { for (const made of rows.values()) made.tick(); };
  return self;
}

function endedCalls() {
  const search = h("input", { type: "search", name: "search", placeholder: "Number, id, model or metadata", maxlength: 200 });
  const status = h("select", { name: "status" }, [["", "Any"], ..."completed failed busy no_answer canceled".split(" ").map(w => [w, phrase(w)])].map(([value, label]) => h("option", { value }, label)));
  const way = h("select", { name: "direction" }, [["", "Both"], ["inbound", "Inbound"], ["outbound", "Outbound"]].map(([value, label]) => h("option", { value }, label)));
  const agent = h("select", { name: "agent_id" }, h("option", { value: "" }, "Any"));
  const since = h("input", { type: "date", name: "since" }), until = h("input", { type: "date", name: "until" });
  api.get("agents").then(({ agents }) => agent.append(h("option", { value: "default" }, "The server’s own"), ...agents.map(a => h("option", { value: a.agent_id }, a.name || a.agent_id)))).catch(() => {});
  const list = h("ul", { class: "rows ended" }), more = button("Show earlier calls", () => page(), { class: "quiet" }), note = h("div", { role: "status" });
  const fields = h("form", { class: "filters", role: "search", onsubmit: event => event.preventDefault() },
    field("Search", search), field("Status", status), field("Direction", way), field("Agent", agent), field("From", since), field("To", until));
  let timer = 0, ticket = 0, cursor = null;
  const known = new Set();
  fields.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(load, 250); });
  more.hidden = true;

  const isFiltered = () => [search, status, way, agent, since, until].some(control => control.value.trim());
  const day = (control, offset) => { const [y, m, d] = control.value.split("-").map(Number); return new Date(y, m - 1, d + offset).toISOString(); };
  function query() {
    const q = new URLSearchParams({ state: "ended", limit: "25" });
    for (const control of [status, way, agent]) if (control.value) q.set(control.name, control.value);
    if (search.value.trim()) q.set("search", search.value.trim());
    if (since.value) q.set("since", day(since, 0));
    if (until.value) q.set("until", day(until, 1));
    if (cursor) q.set("cursor", cursor);
    return q;
  }
  async function page() {
    const mine = ++ticket;
    try {
      const { calls, next_cursor } = await api.get("calls?" + query());
      if (mine !== ticket) return;
      if (!cursor) { known.clear(); fill(list); }
      for (const call of calls) if (!known.has(call.call_id)) { known.add(call.call_id); list.append(row(call)); }
      cursor = next_cursor;
      more.hidden = !cursor;
      fill(note, known.size ? null : isFiltered() ? empty("No call fits", "Shorten the search, or remove a filter.") : empty("No call has ended yet", "Ended calls appear here, with their transcript and receipt."));
    } catch (error) { if (error.name !== "SignedOut" && mine === ticket) fill(note, h("p", { class: "wrong pad" }, error.message)); }
  }
  const load = () => { cursor = null; return page(); };
  const row = call => {
    const { other } = parties(call);
    return h("li", {},
      h("div", { class: "c-state" }, pill(call.status)),
      h("div", { class: "c-who" }, direction(call), h("a", { class: "cover", href: "#/calls/" + api.at(call.call_id) }, other), h("small", {}, agentName(call))),
      h("div", { class: "c-why" }, words(call.ended_reason), call.answered_by && call.answered_by !== "human" ? h("small", {}, words(call.answered_by)) : null),
      h("div", { class: "c-figure" }, h("b", {}, span(call.duration_ms)), h("small", {}, "duration")),
      h("div", { class: "c-when" }, time(call.started_at)));
  };
  return { element: h("div", { class: "card flush" }, fields, list, note, h("div", { class: "row center pad-s" }, more)), load,
    take(call) {
      if (known.has(call.call_id) || isFiltered()) return isFiltered() ? load() : null;
      known.add(call.call_id);
      fill(note);
      const element = row(call);
      element.classList.add("new");
      list.prepend(element);
    } };
}
