// Elements, words for figures, and small dialogs. Text is always inserted as text; this file parses no markup.

const svgTags = new Set(["svg", "path", "circle", "rect", "line", "g", "polyline"]);

/** h("button", { class: "quiet", onclick }, "Words", child): null children are left out. */
export function h(tag, attributes, ...children) {
  const element = svgTags.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

export const fill = (element, ...children) => {
  element.replaceChildren(...children.flat(3).filter(child => child !== null && child !== undefined && child !== false));
  return element;
};

/** Sets the text only if it differs, so that screen readers do not repeat it and selections stay. */
export const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };

const paths = {
  out: "M5 11 11 5M6 5h5v5", in: "M11 5 5 11M5 6v5h5", phone: "M4.2 2.5 6 2l1.4 3.2-1.5 1.3a8 8 0 0 0 3.6 3.6l1.3-1.5L14 10l-.5 1.8c-.3 1-1.3 1.7-2.3 1.6C6.8 13 3 9.200 2.600 4.800c-.1-1 .6-2 1.600-2.300Z",
  end: "M1.500 9.800c3.600-3.700 9.400-3.700 13 0l-1.700 1.900-2.600-1.300V8.600a8 8 0 0 0-4.400 0v1.800l-2.600 1.300Z", mic: "M8 1.800a2 2 0 0 0-2 2v4a2 2 0 0 0 4 0v-4a2 2 0 0 0-2-2ZM3.800 7.500a4.200 4.200 0 0 0 8.400 0M8 11.700v2.500",
  agent: "M3 6.500h10v6H3zM8 6.500V3.500M6 9.500h.01M10 9.500h.01M5.500 3.500h5", keys: "M4 4h.01M8 4h.01M12 4h.01M4 8h.01M8 8h.01M12 8h.01M4 12h.01M8 12h.01M12 12h.01",
  transfer: "M2.500 5.500h9M9 2.800l2.700 2.700L9 8.200M13.500 10.500h-9M7 7.800l-2.700 2.700L7 13.200", clock: "M8 4.500V8l2.500 1.500M8 1.800a6.200 6.200 0 1 0 0 12.400A6.200 6.200 0 0 0 8 1.800Z",
  play: "M5 3.200v9.600l8-4.800Z", pause: "M5 3.500v9M11 3.500v9", down: "M8 2.500v8M4.800 7.500 8 10.700l3.200-3.200M3 13.500h10", sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13 9.800A5.600 5.600 0 0 1 6.200 3a5.600 5.600 0 1 0 6.800 6.800Z", leave: "M6.500 2.500H3v11h3.500M10 5l3 3-3 3M13 8H6", plus: "M8 3v10M3 8h10", back: "M10 3 5 8l5 5", tool: "M9.800 2.300a3.400 3.400 0 0 0-3.300 4.600L2.300 11a1.600 1.600 0 1 0 2.300 2.300l4.200-4.200a3.400 3.400 0 0 0 4.600-4.300L11.200 7 9 6.900 8.900 4.700l2.200-2.200a3.400 3.400 0 0 0-1.300-.2Z",
  ear: "M5 6.500a3.200 3.200 0 1 1 6.400 0c0 2.600-2.400 2.900-2.400 5.200a1.900 1.900 0 0 1-3.700.600M6.900 6.700a1.300 1.300 0 1 1 2.600 0c0 .900-.900 1.200-.900 1.200",
  warn: "M8 2 1.500 13.500h13ZM8 6.500v3.200M8 11.700h.01", cut: "M6.300 4.500a1.900 1.900 0 1 1-3.800 0 1.900 1.900 0 0 1 3.800 0ZM6.300 11.500a1.900 1.900 0 1 1-3.800 0 1.900 1.900 0 0 1 3.800 0ZM6 5.500l7.500 6M6 10.500l7.500-6", copy: "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
};

export const icon = name => h("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" },
  h("path", { d: paths[name], fill: "none", stroke: "currentColor", "stroke-width": name === "keys" ? 2.2 : 1.5, "stroke-linecap": "round", "stroke-linejoin": "round" }));

export const button = (words, onclick, options = {}) => h("button", { type: "button", onclick, class: options.class ?? "", title: options.title, "aria-label": options.label, "aria-pressed": options.pressed, disabled: options.disabled },
  options.icon ? icon(options.icon) : null, words ? h("span", {}, words) : null);

// Figures and times.

export const ms = value => value === null || value === undefined ? "–"
  : value < 1000 ? Math.round(value) + " ms" : (value / 1000).toFixed(value < 10000 ? 2 : 1) + " s";

export const span = value => {
  const s = Math.max(0, Math.floor(value / 1000)), pad = n => String(n).padStart(2, "0");
  return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
};

/** A place in a call: 1:02.3 */
export const stamp = value => `${Math.floor(value / 60000)}:${String(Math.floor(value / 1000) % 60).padStart(2, "0")}.${Math.floor(value / 100) % 10}`;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const time = text => {
  if (!text) return "–";
  const date = new Date(text), isToday = date.toDateString() === new Date().toDateString();
  return h("time", { datetime: text, title: full.format(date) }, isToday ? clock.format(date) : day.format(date) + ", " + clock.format(date));
};

export const words = text => String(text ?? "").replaceAll("_", " ").replace(/\bapi\b/g, "API");
export const phrase = text => { const w = words(text); return w.charAt(0).toUpperCase() + w.slice(1); };
export const plural = (count, one, many) => `${count} ${count === 1 ? one : many ?? one + "s"}`;

const tones = { completed: "plain", in_progress: "good", ringing: "wait", initiating: "wait", ending: "wait", failed: "bad", busy: "warn", no_answer: "warn", canceled: "plain" };
export const pill = status => h("span", { class: "pill " + (tones[status] ?? "plain") }, h("i", { "aria-hidden": "true" }), phrase(status));

// Messages and dialogs.

export function toast(text, isBad = false) {
  const note = h("div", { class: "toast" + (isBad ? " bad" : "") }, isBad ? icon("warn") : null, h("span", {}, text));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), isBad ? 9000 : 4500);
}

/** Shows the error of a failed task; returns whether it succeeded. */
export async function attempt(work, done) {
  try {
    const result = await work();
    if (done) toast(typeof done === "function" ? done(result) : done);
    return true;
  } catch (error) {
    if (error.name !== "SignedOut") toast(error.message, true);
    return false;
  }
}

/** A dialog with a form. `submit` gets the fields' values. If it fails, the dialog stays open and shows the reason. */
export function ask({ title, intro, body, action, danger, submit, wide }) {
  const opener = document.activeElement;
  const wrong = h("p", { class: "wrong", role: "alert" });
  const go = h("button", { type: "submit", class: danger ? "danger" : "main" }, action);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : "" },
    h("form", { onsubmit: async event => {
      event.preventDefault();
      go.disabled = true;
      say(wrong, "");
      try {
        await submit?.(Object.fromEntries(new FormData(event.target)));
        dialog.close();
      } catch (error) {
        if (error.name === "SignedOut") return dialog.close();
        say(wrong, error.message);
      } finally { go.disabled = false; }
    } }, h("h2", { id: "dialog-title" }, title), intro ? h("p", { class: "soft" }, intro) : null, body, wrong,
    h("div", { class: "row end" }, submit || danger ? h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel") : null, go)));
  dialog.addEventListener("close", () => { dialog.remove(); opener?.focus?.(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export const field = (label, control, hint) => {
  control.id ||= "f" + Math.random().toString(36).slice(2, 9);
  if (hint) control.setAttribute("aria-describedby", control.id + "-hint");
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control,
    hint ? h("small", { id: control.id + "-hint" }, hint) : null);
};

export const empty = (title, text, ...more) => h("div", { class: "empty" }, h("strong", {}, title), text ? h("p", {}, text) : null, more);

export const copyable = text => h("button", { type: "button", class: "copy", title: "Copy", "aria-label": "Copy " + text, onclick: async () => {
  try { await navigator.clipboard.writeText(text); toast("Copied"); } catch { toast("The browser does not allow the page to copy", true); }
} }, h("code", {}, text), icon("copy"));
