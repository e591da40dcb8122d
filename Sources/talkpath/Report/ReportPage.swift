/// The page without its data.
enum ReportPage {
    static let html = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Talkpath: one call</title>
        <style>
        :root { color-scheme: light dark;
          --page:#f6f7f9; --card:#ffffff; --line:#dfe3e8; --grid:#eceff3; --ink:#16191d; --soft:#5b6470; --faint:#8d96a3;
          --caller:#1f6feb; --callerBand:rgba(31,111,235,.09); --agent:#b45309; --agentBand:rgba(180,83,9,.10);
          --alarm:#c62828; --good:#1a7f4b; --head:#7c3aed; }
        @media (prefers-color-scheme: dark) { :root {
          --page:#0f1216; --card:#171b21; --line:#2a313a; --grid:#20262e; --ink:#e8ebef; --soft:#a3adba; --faint:#727d8b;
          --caller:#6aa9ff; --callerBand:rgba(106,169,255,.13); --agent:#f5a94a; --agentBand:rgba(245,169,74,.13);
          --alarm:#ff7a70; --good:#55c98b; --head:#b794ff; } }
        * { box-sizing:border-box }
        body { margin:0; background:var(--page); color:var(--ink);
          font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif; }
        main { max-width:1280px; margin:0 auto; padding:28px 24px 60px }
        h1 { font-size:21px; margin:0 0 2px; letter-spacing:-.01em }
        h2 { font-size:14px; margin:0 0 12px; }
        .sub { color:var(--soft); margin:0 0 20px }
        .tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(138px,1fr)); gap:10px; margin-bottom:16px }
        .tile { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:11px 14px }
        .tile b { display:block; font-size:19px; white-space:nowrap; font-weight:620; letter-spacing:-.01em; font-variant-numeric:tabular-nums }
        .tile span { color:var(--soft); font-size:12.5px }
        .card { background:var(--card); border:1px solid var(--line); border-radius:12px; padding:16px 18px; margin-bottom:16px }
        .bar { display:flex; align-items:center; gap:10px; margin-bottom:12px; flex-wrap:wrap }
        button { font:inherit; color:var(--ink); background:transparent; border:1px solid var(--line); border-radius:8px;
          padding:5px 12px; cursor:pointer } button:hover { border-color:var(--soft) }
        #play { background:var(--ink); color:var(--card); border-color:var(--ink); min-width:84px; font-weight:600 }
        #clock { font-variant-numeric:tabular-nums; color:var(--soft); min-width:130px }
        .keys { display:flex; gap:14px; margin-left:auto; color:var(--soft); font-size:12.5px; flex-wrap:wrap }
        .keys i { display:inline-block; width:10px; height:10px; border-radius:3px; margin-right:5px; vertical-align:-1px }
        #frame { display:flex } #labels { flex:0 0 92px; font-size:12px; color:var(--soft); position:relative }
        #labels div { position:absolute; right:12px; text-align:right; transform:translateY(-50%); white-space:nowrap }
        #scroll { flex:1; overflow-x:auto; overflow-y:hidden; position:relative } svg { display:block; cursor:crosshair }
        svg text { font-size:11px; fill:var(--soft); font-family:inherit }
        .two { display:grid; grid-template-columns:1.7fr 1fr; gap:16px; align-items:start }
        @media (max-width:900px) { .two { grid-template-columns:1fr } .keys { margin-left:0 } }
        table { width:100%; border-collapse:collapse } td { padding:6px 8px; border-top:1px solid var(--grid); vertical-align:top }
        tr:first-child td { border-top:0 } tr.go { cursor:pointer } tr.go:hover td { background:var(--grid) }
        td.t { color:var(--faint); font-variant-numeric:tabular-nums; white-space:nowrap; width:1% }
        td.w { width:1%; white-space:nowrap; font-weight:600 } td.n { text-align:right; color:var(--soft); white-space:nowrap; width:1% }
        tr.now td { background:var(--grid) } .cut { color:var(--alarm); font-size:12px } .none { color:var(--faint) }
        .step { display:grid; grid-template-columns:92px 1fr 150px; gap:8px; align-items:center; margin:7px 0; font-size:13px }
        .step .rail { height:12px; background:var(--grid); border-radius:4px; position:relative }
        .step .rail i { position:absolute; top:0; bottom:0; border-radius:4px; min-width:3px; background:var(--good) }
        .step em { font-style:normal; color:var(--soft); font-variant-numeric:tabular-nums; text-align:right }
        .warn { border-color:var(--alarm); color:var(--alarm) }
        </style>
        </head>
        <body><main>
        <h1 id="title"></h1><p class="sub" id="sub"></p>
        <div id="warning"></div>
        <div class="tiles" id="tiles"></div>
        <div class="card">
          <div class="bar"><button id="play">▶ Play</button><span id="clock"></span>
            <button id="less" title="Zoom out">−</button><button id="more" title="Zoom in">+</button><button id="fit">Fit</button>
            <span class="keys"><span><i style="background:var(--caller)"></i>caller</span>
              <span><i style="background:var(--agent)"></i>agent, as heard</span>
              <span><i style="background:var(--alarm)"></i>barge-in</span>
              <span><i style="background:var(--good)"></i>the end’s steps</span></span></div>
          <div id="frame"><div id="labels"></div><div id="scroll"></div></div>
        </div>
        <div class="two">
          <div class="card"><h2>Turns</h2><table id="turns"></table></div>
          <div><div class="card"><h2>The end</h2><div id="end"></div></div>
            <div class="card"><h2>Events</h2><table id="notes"></table></div></div>
        </div>
        <audio id="audio" preload="auto"></audio>
        </main>
        <script>
        const call = /*DATA*/;
        """# + script + #"""
            </script></body></html>
            """#
}
