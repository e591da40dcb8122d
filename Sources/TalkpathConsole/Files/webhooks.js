// Webhooks: the receivers of events, their deliveries, and the events that could not be delivered.
import * as api from "./api.js";
import { h, fill, button, ask, attempt, field, empty, time, plural, words, copyable, icon } from "./dom.js";

const types = "call.started call.ringing call.answered call.ended call.transcript call.recording call.analyzed call.dtmf call.listened agent.tool_called agent.lost agent.failed_over carrier.error agent.response_failed call.failed".split(" ");

export function open() {
  const hooks = h("ul", { class: "rows hooks" }), dead = h("ul", { class: "rows dead" }), all = button("Send all again", () => attempt(() => api.post("events/dead/replay", { all: true }), r => `${plural(r.count, "event")} on the way again`).then(load), { class: "quiet" });
  const failed = (list, error) => { if (error.name !== "SignedOut") fill(list, h("li", { class: "wrong pad" }, error.message)); };
  const place = url => { try { const u = new URL(url); return u.host + u.pathname; } catch { return url; } };

  const hook = w => {
    const [tone, text] = !w.active ? ["bad", "Stopped"] : w.failing_since ? ["warn", "Failing"] : w.delivered ? ["good", "Delivering"] : ["plain", "Nothing sent yet"];
    return h("li", {},
      h("div", { class: "c-state" }, h("span", { class: "pill " + tone }, h("i", { "aria-hidden": "true" }), text)),
      h("div", { class: "c-who" }, h("strong", {}, place(w.url)), h("small", {}, w.events?.length ? plural(w.events.length, "kind") + " of events" : "all events", w.agent_id ? ` of ${w.agent_id}` : "", w.format !== "standard" ? `, in ${w.format}’s words` : "")),
      h("div", { class: "c-talk" }, !w.active ? h("span", { class: "wrong" }, words(w.stopped_because)) : w.failing_since ? h("span", { class: "wrong" }, "Since ", time(w.failing_since), w.last_failure ? `: ${w.last_failure}` : "") : null),
      h("div", { class: "c-figure" }, h("b", {}, String(w.delivered)), h("small", {}, "delivered")),
      h("div", { class: "c-figure" }, h("b", {}, String(w.failed_attempts)), h("small", {}, "failed tries")),
      h("div", { class: "c-act" }, button("Secret", () => rotate(w), { class: "small quiet", label: "New secret for " + place(w.url) }),
        button("Delete", () => ask({ title: "Delete this webhook?", intro: `${place(w.url)} gets no more events.`, action: "Delete", danger: true, submit: async () => { await api.del("webhooks/" + api.at(w.webhook_id)); load(); } }), { class: "small quiet danger-text", label: "Delete " + place(w.url) })));
  };
  const letter = d => h("li", {},
    h("div", { class: "c-who" }, h("strong", {}, d.event.type), h("small", {}, "of ", h("a", { href: "#/calls/" + api.at(d.event.data.call_id) }, d.event.data.call_id.slice(0, 18)))),
    h("div", { class: "c-talk" }, h("span", { class: "wrong" }, d.failure ?? "not delivered")),
    h("div", { class: "c-figure" }, h("b", {}, String(d.attempts)), h("small", {}, "tries")),
    h("div", { class: "c-when" }, time(d.failed_at)),
    h("div", { class: "c-act" }, button("Send again", () => attempt(() => api.post("events/dead/replay", { delivery_id: d.delivery_id }), "On the way again").then(load), { class: "small" })));

  const secret = (title, text) => ask({ title, intro: "The secret is shown this once. The receiver needs it to check signatures.", body: copyable(text), action: "I have it" });
  const rotate = w => ask({ title: "A new secret?", intro: "For one day, events are signed with the former secret as well.", action: "New secret", danger: true, submit: async () => { const { secret: text } = await api.post(`webhooks/${api.at(w.webhook_id)}/rotate`); queueMicrotask(() => secret("New secret", text)); load(); } });
  const add = () => {
    const boxes = h("fieldset", {}, h("legend", {}, "Events"), h("p", { class: "soft" }, "Without a choice, the webhook gets all events."), h("div", { class: "checks" }, types.map(type => h("label", {}, h("input", { type: "checkbox", name: "event:" + type }), type))));
    ask({ title: "New webhook", action: "Add", wide: true, body: [field("Address", h("input", { name: "url", type: "url", required: true, placeholder: "https://example.com/hooks" })), boxes],
      submit: async values => {
        const chosen = types.filter(type => values["event:" + type]);
        const made = await api.post("webhooks", { url: values.url, ...(chosen.length ? { events: chosen } : {}) });
        load();
        queueMicrotask(() => secret("The webhook’s secret", made.secret));
      } });
  };

  async function load() {
    try {
      const { webhooks } = await api.get("webhooks");
      fill(hooks, webhooks.length ? webhooks.map(hook) : h("li", { class: "bare" }, empty("No webhooks", "A webhook gets signed requests with the events of calls.")));
    } catch (error) { failed(hooks, error); }
    try {
      const { deliveries } = await api.get("events/dead");
      all.hidden = !deliveries.length;
      fill(dead, deliveries.length ? deliveries.map(letter) : h("li", { class: "bare" }, empty("No failed deliveries", "Events that a receiver refuses after all tries appear here, and can be sent again.")));
    } catch (error) { failed(dead, error); }
  }
  all.hidden = true;
  load();
  const timer = setInterval(() => { if (!document.hidden && !document.querySelector("dialog") && !hooks.contains(document.activeElement) && !dead.contains(document.activeElement)) load(); }, 5000);
  return { title: "Webhooks", close: () => clearInterval(timer), element: h("div", {},
    h("div", { class: "head" }, h("h1", {}, "Webhooks"), button("New webhook", add, { class: "main", icon: "plus" })),
    h("section", { "aria-label": "Receivers" }, h("div", { class: "card flush" }, hooks)),
    h("section", { "aria-labelledby": "dead-title" }, h("div", { class: "subhead" }, h("h2", { id: "dead-title" }, "Not delivered"), all), h("div", { class: "card flush" }, dead))) };
}
