// The frame of the console: signing in, pages by their address, the state of the connection, light and dark.
import * as api from "./api.js";
import { h, fill, say, icon, button, field, attempt } from "./dom.js";
import * as calls from "./calls.js";
import * as call from "./call.js";
import * as agents from "./agents.js";
import * as talk from "./talk.js";
import * as webhooks from "./webhooks.js";
import * as server from "./server.js";

const main = document.getElementById("main"), top = document.getElementById("top"), banner = document.getElementById("banner");
const pages = [
  { name: "calls", label: "Calls", open: part => part ? call.open(part) : calls.open() },
  { name: "agents", label: "Agents", open: part => agents.open(part) },
  { name: "talk", label: "Talk", open: part => talk.open(part) },
  { name: "webhooks", label: "Webhooks", open: () => webhooks.open() },
  { name: "server", label: "Server", open: () => server.open() },
];
let current = null;

// Light and dark: the system's, until the user chooses.
const themes = ["light dark", "light", "dark"], remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
const wear = theme => { document.documentElement.style.colorScheme = theme; dispatchEvent(new Event("theme")); };
wear(themes.includes(remembered()) ? remembered() : themes[0]);
const isDark = () => {
  const theme = document.documentElement.style.colorScheme;
  return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("theme")));

const link = h("span", { class: "link", "data-state": "idle" }, h("i", { "aria-hidden": "true" }), h("span", {}, ""));

function frame() {
  fill(document.getElementById("nav"), pages.map(page => h("a", { href: "#/" + page.name, "data-page": page.name }, page.label)));
  const theme = button("", () => {
    const next = isDark() ? "light" : "dark";
    wear(next);
    try { localStorage.setItem("theme", next); } catch { /* The choice is not kept. */ }
    dress();
  }, { class: "quiet square", label: "Light or dark" });
  const dress = () => fill(theme, icon(isDark() ? "sun" : "moon"));
  dress();
  addEventListener("theme", dress);
  fill(document.getElementById("who"), link,
    h("span", { class: "tenant", title: api.session.open ? "In development: no key is needed" : "The tenant of your key" }, api.session.open ? "development" : api.session.tenant),
    theme, api.session.open ? null : button("", () => attempt(api.signOut), { class: "quiet square", icon: "leave", label: "Sign out" }));
  top.hidden = false;
}

let lostAt = null;
api.on("state", state => {
  link.dataset.state = state;
  say(link.lastChild, { live: "Live", opening: "Connecting", lost: "Lost", idle: "" }[state] ?? "");
  if (state === "lost") lostAt ??= new Date();
  if (state === "live") {
    if (banner.firstChild) fill(banner);
    lostAt = null;
  }
  if (lostAt && !banner.firstChild && state === "lost") {
    fill(banner, h("div", {}, icon("warn"), h("span", {}, `The connection to the server is lost. The page shows the state of ${lostAt.toLocaleTimeString()}. It reconnects by itself, and then shows everything since.`)));
  }
});
api.on("signedOut", why => signIn(why));

async function show() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const page = pages.find(page => page.name === name) ?? pages[0];
  current?.close?.();
  current = null;
  fill(banner);
  lostAt = null;
  link.dataset.state = "idle";
  say(link.lastChild, "");
  for (const a of document.querySelectorAll("#nav a")) {
    if (a.dataset.page === page.name) a.setAttribute("aria-current", "page"); else a.removeAttribute("aria-current");
  }
  let part = rest.join("/");
  try { part = decodeURIComponent(part); } catch { /* The part stays encoded. */ }
  const opened = page.open(part);
  current = opened;
  fill(main, opened.element);
  document.title = opened.title + " · Talkpath";
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function signIn(why) {
  current?.close?.();
  current = null;
  top.hidden = true;
  fill(banner);
  document.title = "Sign in · Talkpath";
  const wrong = h("p", { class: "wrong", role: "alert" }, why ?? "");
  const key = h("input", { type: "password", name: "key", autocomplete: "current-password", required: true, spellcheck: "false" });
  const go = h("button", { type: "submit", class: "main" }, "Sign in");
  fill(main, h("form", { class: "sign-in card", onsubmit: async event => {
    event.preventDefault();
    go.disabled = true;
    say(wrong, "");
    try {
      await api.signIn(key.value);
      key.value = "";
      frame();
      show();
    } catch (error) { say(wrong, error.message); key.select(); } finally { go.disabled = false; }
  } }, h("img", { src: "/console/icon.svg", alt: "", width: 44, height: 44 }), h("h1", {}, "Talkpath console"),
  h("p", { class: "soft" }, "Sign in with one of the server’s API keys. The console shows the calls of the key’s tenant only."),
  field("API key", key), wrong, go));
  key.focus();
}

addEventListener("hashchange", () => { if (api.session.signed_in) show(); });
try {
  await api.begin();
  if (api.session.signed_in) { frame(); show(); } else signIn();
} catch (error) {
  fill(main, h("div", { class: "card sign-in" }, h("h1", {}, "The server does not answer"), h("p", { class: "soft" }, error.message), button("Try again", () => location.reload(), { class: "main" })));
}
