extension ReportPage {
    /// The script that draws ``html``. `call` holds the data.
    static let script = #"""
        const $ = id => document.getElementById(id);
        const make = (name, attributes, parent, text) => {
          const node = document.createElementNS("http://www.w3.org/2000/svg", name);
          for (const key in attributes) node.setAttribute(key, attributes[key]);
          if (text !== undefined) node.textContent = text;
          if (parent) parent.appendChild(node);
          return node;
        };
        const cell = (row, text, style) => { const td = row.insertCell(); td.textContent = text; td.className = style || ""; return td; };
        const ms = value => value < 1000 ? Math.round(value) + " ms" : (value / 1000).toFixed(2) + " s";
        const stamp = value => { const s = Math.max(0, value) / 1000, m = Math.floor(s / 60);
          return m + ":" + (s - 60 * m).toFixed(1).padStart(4, "0"); };
        const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
        const callerPeaks = bytes(call.callerPeaks), agentPeaks = bytes(call.agentPeaks);
        const end = call.steps.reduce((last, s) => Math.max(last, s.begin + s.ms), call.duration);
        const total = Math.max(1000, end);

        // Head and figures.
        $("title").textContent = "One call with " + call.title;
        $("sub").textContent = [call.direction, new Date(call.startedAt).toISOString().replace("T", " ").slice(0, 19) + " UTC",
          "call " + call.callID].join(" · ");
        const warn = text => { const d = document.createElement("div"); d.className = "card warn"; d.textContent = text; $("warning").appendChild(d); };
        if (call.isCut) warn("The capture was cut off. The page shows the call up to that point.");
        if (call.hasGaps) warn("Records are missing in this capture, because writing was too slow.");
        const tile = (value, words) => { const d = document.createElement("div"); d.className = "tile";
          const b = document.createElement("b"), s = document.createElement("span"); b.textContent = value; s.textContent = words; if (String(value).length > 9) b.style.fontSize = "15px";
          d.append(b, s); $("tiles").appendChild(d); };
        tile(stamp(total), "from start to end");
        tile(call.speeches.filter(s => s.caller).length + " / " + call.speeches.filter(s => !s.caller).length, "turns of caller / agent");
        tile(call.bargeIns.length, call.bargeIns.length === 1 ? "barge-in" : "barge-ins");
        tile(call.medianLatency === null ? "–" : ms(call.medianLatency), "turn latency, median");
        tile(call.worstLatency === null ? "–" : ms(call.worstLatency), "turn latency, worst");
        tile(ms(call.missing), "of the caller’s audio missing");
        tile(call.teardown === null ? "–" : ms(call.teardown), "to end the call" + (call.confirmed ? ", confirmed" : ""));
        tile((call.reason || "not in the capture").replaceAll("_", " "), "reason of the end");

        // The time axis.
        const rows = { ruler: 22, notes: 40, caller: 96, latency: 152, agent: 208, marks: 268, end: 292, height: 312 };
        const labels = [["events", rows.notes - 3], ["caller", rows.caller], ["latency", rows.latency], ["agent", rows.agent], ["marks", rows.marks], ["the end", rows.end]];
        $("labels").style.height = rows.height + "px";
        for (const [text, y] of labels) { const d = document.createElement("div"); d.textContent = text; d.style.top = y + "px"; $("labels").appendChild(d); }
        let scale = 0, svg, head;
        const x = at => at * scale;

        function waveform(peaks, middle, half, colour) {
          const step = 1000 / call.peakRate, stride = Math.max(1, Math.floor(0.7 / (step * scale)));
          let top = "", bottom = "";
          for (let i = 0; i < peaks.length; i += stride) {
            let peak = 0;
            for (let j = i; j < Math.min(peaks.length, i + stride); j++) peak = Math.max(peak, peaks[j]);
            const px = x(call.streamBegan + i * step).toFixed(1), h = Math.max(.6, peak / 255 * half);
            top += (i ? "L" : "M") + px + " " + (middle - h).toFixed(1);
            bottom = "L" + px + " " + (middle + h).toFixed(1) + bottom;
          }
          if (top) make("path", { d: top + bottom + "Z", fill: colour }, svg);
        }

        function draw() {
          const width = Math.max($("scroll").clientWidth, Math.ceil(total * scale));
          $("scroll").replaceChildren();
          svg = make("svg", { width, height: rows.height, role: "img", "aria-label": "the call on one time axis" }, $("scroll"));
          const steps = [50, 100, 250, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000];
          const step = steps.find(s => s * scale >= 70) || 600000;
          for (let t = 0; t <= total; t += step) {
            make("line", { x1: x(t), x2: x(t), y1: rows.ruler, y2: rows.height, stroke: "var(--grid)" }, svg);
            make("text", { x: x(t) + 3, y: 14 }, svg, step < 1000 ? (t / 1000).toFixed(2) + " s" : stamp(t).replace(/\.0$/, ""));
          }
          make("line", { x1: 0, x2: width, y1: rows.ruler, y2: rows.ruler, stroke: "var(--line)" }, svg);
          for (const y of [rows.caller, rows.agent]) make("line", { x1: 0, x2: width, y1: y, y2: y, stroke: "var(--line)" }, svg);
          for (const s of call.speeches) {
            const y = s.caller ? rows.caller : rows.agent, w = Math.max(2, x(s.end) - x(s.begin));
            const band = make("rect", { x: x(s.begin), y: y - 40, width: w, height: 80, rx: 4, fill: s.caller ? "var(--callerBand)" : "var(--agentBand)" }, svg);
            make("title", {}, band, (s.caller ? "caller" : "agent") + " " + stamp(s.begin) + "–" + stamp(s.end) + (s.text ? ": " + s.text : ""));
          }
          waveform(callerPeaks, rows.caller, 38, "var(--caller)");
          waveform(agentPeaks, rows.agent, 38, "var(--agent)");
          // Text beside a shape: to its right, else to its left; left out if other text is there.
          const beside = (taken, left, right, y, text, colour) => {
            const w = text.length * 6.8 + 4;
            for (const at of [right + 5, left - 5 - w]) {
              if (at < 0 || at + w > width || taken.some(t => at < t[1] && at + w > t[0])) continue;
              taken.push([at, at + w]);
              make("text", { x: at, y, style: `fill:${colour};font-weight:600` }, svg, text);
              return true;
            }
            return false;
          };
          const waits = call.speeches.filter(s => s.latency !== null).map(s => [x(s.begin - s.latency), x(s.begin)]);
          for (const s of call.speeches) if (s.latency !== null) {
            const a = x(s.begin - s.latency), b = x(s.begin), y = rows.latency;
            const bracket = make("path", { d: `M${a} ${y - 5}V${y + 5}M${a} ${y}H${b}M${b} ${y - 5}V${y + 5}`, stroke: "var(--ink)", "stroke-width": 1.4, fill: "none" }, svg);
            make("title", {}, bracket, "answered after " + ms(s.latency));
            beside(waits, a, b, y + 4, ms(s.latency), "var(--ink)");
          }
          for (const h of call.holes) {
            const r = make("rect", { x: x(h.at - h.missing), y: rows.caller - 40, width: Math.max(2, h.missing * scale), height: 80, fill: "var(--alarm)", opacity: .35 }, svg);
            make("title", {}, r, h.missing ? ms(h.missing) + " of audio missing" : "audio that came twice or too late");
          }
          for (const m of call.marks) {
            const y = rows.marks;
            if (m.echoed !== null) make("line", { x1: x(m.sent), x2: x(m.echoed), y1: y, y2: y, stroke: "var(--faint)" }, svg);
            const dot = make("circle", { cx: x(m.sent), cy: y, r: 2.2, fill: "var(--card)", stroke: "var(--soft)" }, svg);
            make("title", {}, dot, "a mark was sent at " + stamp(m.sent) + (m.echoed === null ? ", and not echoed" : ", echoed after " + ms(m.echoed - m.sent)));
            if (m.echoed !== null) make("circle", { cx: x(m.echoed), cy: y, r: 2.2, fill: "var(--soft)" }, svg);
          }
          const cuts = [];
          for (const b of call.bargeIns) {
            const line = make("line", { x1: x(b.at), x2: x(b.at), y1: rows.notes + 8, y2: rows.marks + 8, stroke: "var(--alarm)", "stroke-width": 1.6, "stroke-dasharray": "4 3" }, svg);
            make("title", {}, line, "the caller interrupted; heard " + ms(b.heard));
            const y = rows.agent + 54;
            beside(cuts, x(b.at), x(b.at), y, "✂ heard " + ms(b.heard), "var(--alarm)") || beside(cuts, x(b.at), x(b.at), y, "✂", "var(--alarm)");
          }
          const width6 = text => 14 + text.length * 6.2;
          call.notes.forEach((n, i) => {
            const g = make("circle", { cx: Math.max(4, x(n.at)), cy: rows.notes - 4, r: 3.4, fill: "var(--ink)" }, svg);
            make("title", {}, g, stamp(n.at) + " " + n.detail);
            const before = i ? x(call.notes[i - 1].at) : -99, after = i + 1 < call.notes.length ? x(call.notes[i + 1].at) : width;
            if (x(n.at) + width6(n.name) < after) make("text", { x: x(n.at) + 7, y: rows.notes }, svg, n.name);
            else if (x(n.at) - width6(n.name) > before) make("text", { x: x(n.at) - 7, y: rows.notes, "text-anchor": "end" }, svg, n.name);
          });
          for (const s of call.steps) {
            const r = make("rect", { x: x(s.begin), y: rows.end - 5, width: Math.max(3, s.ms * scale), height: 10, rx: 2, fill: colourOf(s) }, svg);
            make("title", {}, r, s.name.replace("_", " ") + ": " + s.outcome + ", " + ms(s.ms));
          }
          head = make("line", { x1: 0, x2: 0, y1: 4, y2: rows.height, stroke: "var(--head)", "stroke-width": 1.6 }, svg);
          svg.onclick = event => seek((event.clientX - svg.getBoundingClientRect().left) / scale);
          place();
        }

        function colourOf(step) { return ["failed", "timed_out"].includes(step.outcome) ? "var(--alarm)" : step.outcome === "skipped" ? "var(--faint)" : "var(--good)"; }

        // Turns, the end, the rest.
        for (const s of call.speeches) {
          const row = $("turns").insertRow(); row.className = "go"; s.row = row; row.onclick = () => seek(s.begin);
          cell(row, stamp(s.begin), "t");
          cell(row, s.caller ? "caller" : "agent", "w").style.color = s.caller ? "var(--caller)" : "var(--agent)";
          const words = cell(row, s.text || "(no words)", s.text ? "" : "none");
          if (s.cut) { const i = document.createElement("div"); i.className = "cut"; i.textContent = "✂ the caller interrupted"; words.appendChild(i); }
          cell(row, s.latency === null ? ms(s.end - s.begin) : "after " + ms(s.latency), "n");
        }
        if (!call.speeches.length) cell($("turns").insertRow(), "The capture has no speech.", "none");
        const first = call.steps.length ? Math.min(...call.steps.map(s => s.begin)) : 0, span = Math.max(1, end - first);
        const endWidth = Math.max(1, ...call.steps.map(s => s.begin + s.ms - first));
        for (const s of call.steps) {
          const d = document.createElement("div"); d.className = "step"; d.title = s.error || "";
          const name = document.createElement("span"), rail = document.createElement("div"), bar = document.createElement("i"), em = document.createElement("em");
          name.textContent = s.name.replaceAll("_", " "); rail.className = "rail";
          bar.style.left = (s.begin - first) / endWidth * 100 + "%"; bar.style.width = s.ms / endWidth * 100 + "%"; bar.style.background = colourOf(s);
          em.textContent = s.outcome.replaceAll("_", " ") + (s.outcome === "skipped" ? "" : " · " + (s.ms < 10 ? s.ms.toFixed(1) : Math.round(s.ms)) + " ms");
          rail.appendChild(bar); d.append(name, rail, em); $("end").appendChild(d);
        }
        if (!call.steps.length) { $("end").textContent = "The end is not in this capture."; $("end").className = "none"; }
        for (const n of call.notes) { const row = $("notes").insertRow(); row.className = "go"; row.onclick = () => seek(n.at); cell(row, stamp(n.at), "t"); cell(row, n.detail); }
        if (!call.notes.length) cell($("notes").insertRow(), "No events.", "none");

        // Playing.
        const audio = $("audio"); audio.src = call.audio;
        let at = 0;
        const seek = t => { at = Math.max(0, Math.min(total, t)); audio.currentTime = Math.max(0, (at - call.streamBegan) / 1000); place(); };
        function place() {
          head.setAttribute("x1", x(at)); head.setAttribute("x2", x(at));
          $("clock").textContent = stamp(at) + " / " + stamp(total);
          for (const s of call.speeches) s.row.classList.toggle("now", at >= s.begin && at < s.end);
          const box = $("scroll");
          if (!audio.paused && (x(at) < box.scrollLeft || x(at) > box.scrollLeft + box.clientWidth - 40)) box.scrollLeft = x(at) - 60;
        }
        function follow() { if (audio.paused) return; at = call.streamBegan + audio.currentTime * 1000; place(); requestAnimationFrame(follow); }
        const toggle = () => audio.paused ? audio.play() : audio.pause();
        $("play").onclick = toggle;
        audio.onplay = () => { $("play").textContent = "❚❚ Pause"; follow(); };
        audio.onpause = audio.onended = () => { $("play").textContent = "▶ Play"; };
        document.onkeydown = event => { if (event.code === "Space" && event.target.tagName !== "BUTTON") { event.preventDefault(); toggle(); } };
        const fit = () => { scale = ($("scroll").clientWidth - 12) / total; draw(); };
        const zoom = factor => { const box = $("scroll"), middle = (box.scrollLeft + box.clientWidth / 2) / scale;
          scale = Math.max((box.clientWidth - 12) / total, Math.min(4, scale * factor)); draw(); box.scrollLeft = x(middle) - box.clientWidth / 2; };
        $("more").onclick = () => zoom(1.6); $("less").onclick = () => zoom(1 / 1.6); $("fit").onclick = fit;
        addEventListener("resize", fit); fit();
        """#
}
