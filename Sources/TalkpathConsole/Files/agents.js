// Agents: lists them, edits them as JSON, tries them with a call, deletes them.
import * as api from "./api.js";
import { h, fill, say, icon, button, ask, attempt, field, empty, time, plural } from "./dom.js";
import { placeCall } from "./calls.js";

const fresh = { name: "Desk", provider: "openai", instructions: "You answer the phone of a small shop. Be brief and friendly.", first_message: "Hello, how can I help?", may_end_call: true };

export function open(part) {
  const body = h("div", {}, h("p", { class: "soft pad" }, "Loading…"));
  if (part) edit(body, part); else list(body);
  return { title: "Agents", element: body };
}

async function list(body) {
  const rows = h("ul", { class: "rows agents" });
  const show = async () => {
    try {
      const { agents } = await api.get("agents"), own = await api.get("agents/default");
      fill(rows, row(own, true), agents.map(agent => row(agent, false)));
    } catch (error) { if (error.name !== "SignedOut") fill(rows, h("li", { class: "wrong pad" }, error.message)); }
  };
  const row = (agent, isOwn) => h("li", {},
    h("div", { class: "c-who" }, h("span", { class: "way" }, icon("agent")), h("a", { class: "cover", href: "#/agents/" + api.at(agent.agent_id) }, isOwn ? "The server’s own" : agent.name || agent.agent_id), h("small", {}, `${agent.provider} ${agent.model ?? ""}`)),
    h("div", { class: "c-talk" }, h("span", { class: "said" }, agent.instructions || "No instructions")),
    h("div", { class: "c-why" }, [agent.tools?.length ? plural(agent.tools.length, "function") : null, agent.numbers?.length ? plural(agent.numbers.length, "number") : null].filter(Boolean).join(", "), agent.updated_at ? h("small", {}, "changed ", time(agent.updated_at)) : isOwn ? h("small", {}, "from the settings") : null),
    h("div", { class: "c-act" }, h("a", { class: "button small", href: "#/talk/" + (isOwn ? "" : api.at(agent.agent_id)), "aria-label": "Talk to " + (isOwn ? "the server’s own agent" : agent.name || agent.agent_id) }, icon("mic"), h("span", {}, "Talk")), button("Call", () => placeCall(isOwn ? "" : agent.agent_id), { class: "small", icon: "phone", label: "Place a call with " + (agent.name || agent.agent_id) })));
  fill(body, h("div", { class: "head" }, h("h1", {}, "Agents"), h("a", { class: "button main", href: "#/agents/new" }, icon("plus"), "New agent")), h("div", { class: "card flush" }, rows));
  await show();
}

async function edit(body, id) {
  const isNew = id === "new", isOwn = id === "default";
  let agent = fresh;
  if (!isNew) {
    try { agent = await api.get("agents/" + api.at(id)); } catch (error) {
      if (error.name !== "SignedOut") fill(body, h("div", { class: "head" }, h("h1", {}, error.status === 404 ? "No such agent" : "The agent cannot be shown")), h("div", { class: "card" }, empty(error.message, null, h("a", { href: "#/agents" }, "All agents"))));
      return;
    }
  }
  // Leaves out members without a value, and members that only answers have.
  const { agent_id, created_at, updated_at, ...fields } = agent;
  const set = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && !(Array.isArray(value) && !value.length) && !(typeof value === "object" && !Array.isArray(value) && !Object.keys(value).length)));
  const written = JSON.stringify(set, null, 2);
  const text = h("textarea", { class: "code", rows: Math.min(32, Math.max(14, written.split("\n").length + 1)), spellcheck: "false", value: written, readonly: isOwn });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const name = h("input", { maxlength: 200, placeholder: "Chosen by the server", pattern: "[!-~]+" });
  const save = h("button", { type: "submit", class: "main" }, isNew ? "Make the agent" : "Save");
  text.addEventListener("keydown", event => { if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); form.requestSubmit(); } });
  const form = h("form", { class: "card", onsubmit: async event => {
    event.preventDefault();
    say(wrong, "");
    let value;
    try { value = JSON.parse(text.value); } catch (error) { say(wrong, `This is not JSON: ${error.message}`); text.focus(); return; }
    save.disabled = true;
    try {
      const target = isNew ? name.value.trim() : id;
      const saved = target ? await api.put("agents/" + api.at(target), value) : await api.post("agents", value);
      await attempt(async () => {}, "The agent is saved; new calls use it");
      if (isNew) location.hash = "#/agents/" + api.at(saved.agent_id);
    } catch (error) { if (error.name !== "SignedOut") say(wrong, error.message); } finally { save.disabled = false; }
  } }, isNew ? field("Id", name, "Calls name the agent by its id. Without one, the server chooses an id.") : null,
  field(isOwn ? "From the settings" : "Definition", text, isOwn ? "The server’s own agent changes with its settings." : "JSON. Secrets are shown as [redacted]; leave that text to keep them. openapi.json lists the fields of an agent."),
  wrong, isOwn ? null : h("div", { class: "row end" }, isNew ? null : button("Delete", () => ask({ title: `Delete the agent ${agent.name || id}?`, intro: "Live calls keep it; new calls cannot use it.", action: "Delete", danger: true, submit: async () => { await api.del("agents/" + api.at(id)); location.hash = "#/agents"; } }), { class: "danger-text quiet" }), save));
  fill(body, h("a", { class: "back", href: "#/agents" }, icon("back"), "Agents"),
    h("div", { class: "head" }, h("h1", {}, isNew ? "New agent" : isOwn ? "The server’s own" : agent.name || id), isNew ? null : h("div", { class: "row" }, h("a", { class: "button", href: "#/talk/" + (isOwn ? "" : api.at(id)) }, icon("mic"), h("span", {}, "Talk")), button("Place a call", () => placeCall(isOwn ? "" : id), { class: "main", icon: "phone" }))), form);
}
