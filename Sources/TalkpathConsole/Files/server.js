// The server: its state and its settings.
import * as api from "./api.js";
import { h, fill, say, ms, span, time, field, empty } from "./dom.js";

export function open() {
  const tiles = h("dl", { class: "tiles" }), lags = [], table = h("tbody"), note = h("div", {}), filter = h("input", { type: "search", placeholder: "Part of a name or value" });
  const chart = h("svg", { viewBox: "0 0 300 60", preserveAspectRatio: "none", class: "spark", role: "img", "aria-label": "The media loop’s lag over the last minutes" });
  const scale = h("span", { class: "soft" });
  let settings = null;
  const tile = (label, value, title, name) => h("div", { title, "data-tile": name }, h("dt", {}, label), h("dd", {}, value));
  const long = s => s < 3600 ? span(s * 1000) : s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min` : `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
  const rows = () => {
    const part = filter.value.trim().toLowerCase(), fitting = (settings ?? []).filter(s => !part || (s.name + s.value).toLowerCase().includes(part));
    fill(table, fitting.map(s => h("tr", {}, h("th", { scope: "row" }, h("code", {}, s.name)), h("td", { class: ["none", "not set"].includes(s.value) ? "soft" : "" }, s.value))));
    fill(note, settings === null ? empty("For the operator", "Only keys of the default tenant see the settings.") : fitting.length ? null : empty("No setting fits"));
  };
  filter.addEventListener("input", rows);
  async function load() {
    if (document.hidden) return;
    try {
      const s = await api.get("server");
      lags.push(s.loop_lag_ms);
      if (lags.length > 150) lags.shift();
      const ready = s.readiness === "ready";
      fill(tiles, tile("Readiness", h("span", { class: ready ? "good" : "bad" }, { ready: "Ready", draining: "Stopping", store_unavailable: "Store unavailable" }[s.readiness] ?? s.readiness), "A server that is ready accepts new calls"),
        tile("Live calls", String(s.active_calls) + (s.active_calls_of_all !== null && s.active_calls_of_all !== s.active_calls ? ` of ${s.active_calls_of_all}` : "")),
        tile("Loop lag", ms(s.loop_lag_ms).replace(/^0 ms$/, "< 1 ms"), "The delay of tasks on the media loop, now"), tile("At most", ms(Math.max(...lags)), "The largest lag since the page was opened"),
        tile("Up for", long(s.uptime_s), s.started_at), s.open_connections === null ? null : tile("Connections", String(s.open_connections) + (s.refused_connections ? `, ${s.refused_connections} refused` : "")),
        tile("Version", `${s.version}${s.development ? ", development" : ""}`, null, "mode"));
      const most = Math.max(5, ...lags);
      const points = lags.map((v, i) => `${((i + 150 - lags.length) * 300 / 149).toFixed(1)} ${(58 - v / most * 54).toFixed(1)}`);
      fill(chart, h("path", { class: "area", d: `M${points[0].split(" ")[0]} 60 L${points.join(" L")} L300 60Z` }), h("path", { class: "line", d: `M${points.join(" L")}` }));
      say(scale, `0 to ${ms(most)}, a figure every two seconds`);
      if (JSON.stringify(settings) !== JSON.stringify(s.settings) || !note.dataset.is) { settings = s.settings; note.dataset.is = "1"; rows(); }
    } catch (error) { if (error.name !== "SignedOut") fill(tiles, tile("Server", h("span", { class: "bad" }, error.message))); }
  }
  load();
  const timer = setInterval(load, 2000);
  return { title: "Server", close: () => clearInterval(timer), element: h("div", {},
    h("div", { class: "head" }, h("h1", {}, "Server"), h("a", { class: "button quiet", href: "/openapi.json", target: "_blank", rel: "noopener" }, "openapi.json")),
    tiles, h("section", { class: "card", "aria-labelledby": "lag-title" }, h("div", { class: "subhead in" }, h("h2", { id: "lag-title" }, "The media loop’s lag"), scale), chart),
    h("section", { class: "card flush", "aria-labelledby": "set-title" }, h("div", { class: "subhead pad-t" }, h("h2", { id: "set-title" }, "Settings in force"), field("Find", filter)), h("div", { class: "scroll" }, h("table", { class: "settings" }, h("thead", { class: "sr" }, h("tr", {}, h("th", {}, "Setting"), h("th", {}, "Value"))), table)), note)) };
}
