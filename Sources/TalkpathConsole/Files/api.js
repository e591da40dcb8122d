// The control API, over the session of the signed-in user: requests, problems and streams.

export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? body?.error ?? `The server answered with ${status}`);
    this.name = status === 401 ? "SignedOut" : "Problem";
    this.status = status;
    this.body = body ?? {};
  }
}

export let session = { signed_in: false };
const hooks = { signedOut: () => {}, state: () => {} };
export const on = (name, work) => { hooks[name] = work; };

export async function begin() {
  const response = await fetch("/console/session", { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!response.ok) throw new Problem(response.status, await read(response));
  session = await response.json();
  return session;
}

export async function signIn(key) {
  const response = await fetch("/console/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key }) });
  const body = await read(response);
  if (!response.ok) throw new Error(response.status === 401 ? "The server does not know this key." : new Problem(response.status, body).message);
  session = body;
}

export async function signOut() {
  await fetch("/console/session", { method: "DELETE", headers: { "X-Request-Token": session.request_token } });
  session = { signed_in: false };
  hooks.signedOut();
}

const read = async response => {
  const text = await response.text();
  try { return JSON.parse(text); } catch { return text ? { detail: text.slice(0, 300) } : null; }
};

async function ask(method, path, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-Request-Token"] = session.request_token ?? "";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch("/api/" + path, { method, headers, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body) });
  } catch { throw new Error("The server cannot be reached. The request was not carried out."); }
  const answer = await read(response);
  if (response.status === 401) { session = { signed_in: false }; hooks.signedOut("Your session has ended: sign in again."); }
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

export const get = path => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const put = (path, body) => ask("PUT", path, body);
export const del = path => ask("DELETE", path);
export const at = id => encodeURIComponent(id);

/** A file of a call, such as its recording. */
export async function file(path) {
  const response = await fetch("/api/" + path, { cache: "no-store" });
  if (!response.ok) throw new Problem(response.status, await read(response));
  return response.blob();
}

export async function save(path, name) {
  const url = URL.createObjectURL(await file(path));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/**
 * Follows a stream of events until the caller calls the returned function, or a handler calls `stop()`. A lost stream is
 * opened again, soon at first and then less often. Calls `opened` before each stream, which the server begins with the
 * whole state. A page that is hidden for a minute closes its stream.
 */
export function follow(path, handlers, { isPrimary = true, opened = () => {} } = {}) {
  let source = null, timer = 0, delay = 400, isOver = false, hiddenSince = 0;
  const tell = state => { if (isPrimary && !isOver) hooks.state(state); };
  const shut = () => { clearTimeout(timer); source?.close(); source = null; };
  const stop = () => { shut(); isOver = true; document.removeEventListener("visibilitychange", seen); removeEventListener("online", again); };
  const again = () => { if (!isOver) { shut(); open(); } };
  function seen() {
    if (document.hidden) { hiddenSince = Date.now(); timer = setTimeout(() => document.hidden && shut(), 60000); }
    else if (!source || Date.now() - hiddenSince > 60000) again();
  }
  function open() {
    if (isOver) return;
    source = new EventSource("/api/" + path);
    source.onopen = () => { delay = 400; opened(); tell("live"); };
    for (const [name, work] of Object.entries(handlers)) {
      source.addEventListener(name, event => { if (!isOver) work(JSON.parse(event.data), stop); });
    }
    source.onerror = async () => {
      shut();
      if (isOver) return;
      tell("lost");
      delay = Math.min(delay * 1.7, 8000);
      timer = setTimeout(async () => {
        try {
          const now = await begin();
          if (!now.signed_in) return hooks.signedOut("Your session has ended: sign in again.");
          open();
        } catch { source = null; delay = Math.min(delay * 1.7, 8000); timer = setTimeout(again, delay); }
      }, delay * (0.8 + Math.random() * 0.4));
    };
  }
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", again);
  tell("opening");
  open();
  return stop;
}
