/** How the page of a bad history looks, and the little that it does: scroll, scale, tell. */

export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #fbfbf9; --paper: #ffffff; --ink: #1d2430; --quiet: #667083; --line: #dfe3ea;
  --stripe: #f4f6f9; --placed: #cfe3fb; --placed-line: #5b93d6; --blocked: #ffd0cb;
  --blocked-line: #d0342c; --other: #ffe7ba; --other-line: #c98a11; --later: #eceef2;
  --later-line: #b9c0cc; --order: #2464b4; --strike: #8440a8;
  --shade: 0 1px 2px #1d243018, 0 4px 16px #1d243010;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161d; --paper: #1a202a; --ink: #e6eaf1; --quiet: #98a2b5; --line: #2d3644;
    --stripe: #1e2530; --placed: #1f3f66; --placed-line: #5f9de6; --blocked: #66231f;
    --blocked-line: #ff7a70; --other: #57421a; --other-line: #e7ae45; --later: #262e3a;
    --later-line: #4a5566; --order: #8dbcf7; --strike: #cf9bee;
    --shade: 0 1px 2px #0006, 0 4px 16px #0004;
  }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 28px 32px 48px; max-width: 1800px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
h1 { margin: 0; font-size: 20px; font-weight: 600; overflow-wrap: anywhere }
h2 { margin: 0 0 8px; font-size: 15px }
.verdict { display: inline-block; margin-right: 10px; padding: 2px 12px; border-radius: 99px;
  font-size: 15px; background: var(--other); border: 1px solid var(--other-line) }
.verdict.not-linearizable { background: var(--blocked); border-color: var(--blocked-line) }
.facts { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; color: var(--quiet) }
.reason { margin: 18px 0; padding: 12px 16px; border-left: 4px solid var(--blocked-line);
  border-radius: 4px; background: var(--paper); box-shadow: var(--shade); overflow-wrap: anywhere }
.figure { padding: 14px 16px; border-radius: 10px; background: var(--paper);
  box-shadow: var(--shade) }
.tools { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 8px 24px;
  margin-bottom: 10px }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; align-items: center; font-size: 13px;
  color: var(--quiet) }
.key::before { content: ""; display: inline-block; width: 22px; height: 12px; margin-right: 7px;
  border-radius: 4px; border: 1.5px solid; vertical-align: -1px }
.key.placed::before { background: var(--placed); border-color: var(--placed-line) }
.key.blocked::before { background: var(--blocked); border-color: var(--blocked-line) }
.key.unplaceable::before { background: var(--other); border-color: var(--other-line) }
.key.later::before { background: var(--later); border-color: var(--later-line) }
.key.unknown::before { border-color: var(--placed-line) #0000 var(--placed-line)
  var(--placed-line); background: linear-gradient(90deg, var(--placed), #0000);
  border-style: dashed }
button { padding: 3px 12px; border: 1px solid var(--line); border-radius: 6px; font: inherit;
  font-size: 13px; color: inherit; background: var(--stripe); cursor: pointer }
button:hover { border-color: var(--quiet) }
#frame { overflow: auto; max-height: 68vh; border: 1px solid var(--line); border-radius: 6px }
#drawing { display: block; font: 11.5px ui-monospace, "DejaVu Sans Mono", Menlo, monospace }
svg text { fill: var(--ink) }
.row { fill: var(--paper) }
.row:nth-of-type(even) { fill: var(--stripe) }
.gutter { fill: var(--paper); stroke: var(--line) }
#labels text { fill: var(--quiet) }
.bar rect { stroke-width: 1.5; fill: var(--later); stroke: var(--later-line) }
.bar text { pointer-events: none }
.bar.later text, .bar.failed text { fill: var(--quiet) }
.bar.placed rect { fill: var(--placed); stroke: var(--placed-line) }
.bar.unplaceable rect { fill: var(--other); stroke: var(--other-line) }
.bar.blocked rect { fill: var(--blocked); stroke: var(--blocked-line); stroke-width: 2.5 }
.bar.failed rect { stroke-dasharray: 2 3; fill: none }
.bar.unknown rect { fill: url(#fade); stroke-dasharray: 5 4; stroke: var(--later-line) }
.bar.unknown.placed rect { stroke: var(--placed-line) }
.bar:hover rect, .bar:focus rect { stroke: var(--ink); stroke-width: 2.5 }
.bar:focus { outline: none }
.solid { stop-color: var(--placed); stop-opacity: 1 }
.clear { stop-color: var(--placed); stop-opacity: 0 }
.order { fill: none; stroke: var(--order); stroke-width: 1.2; opacity: .55; pointer-events: none }
.dot { fill: var(--order); stroke: var(--paper); stroke-width: 1.5; pointer-events: none }
.key.struck::before { width: 0; border-width: 0 0 0 2px; border-radius: 0;
  border-color: var(--strike) }
.strike line { stroke: var(--strike); stroke-width: 1.5; opacity: .45 }
svg .strike text, svg #passed { fill: var(--strike) }
.limit { stroke: var(--blocked-line); stroke-width: 1.5; stroke-dasharray: 6 4 }
svg .limit-label { fill: var(--blocked-line) }
pre { min-height: 96px; margin: 12px 0 0; padding: 10px 14px; border-radius: 6px;
  background: var(--stripe); font: 12.5px/1.55 ui-monospace, "DejaVu Sans Mono", Menlo, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere }
.note { margin: 8px 0 0; font-size: 13px; color: var(--quiet) }
.lists { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 18px;
  margin-top: 18px }
.lists > div { padding: 14px 18px; border-radius: 10px; background: var(--paper);
  box-shadow: var(--shade) }
ol { margin: 0; padding-left: 46px; font-size: 13px }
li i { color: var(--quiet); font-style: normal }
code { font: 12.5px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; overflow-wrap: anywhere }
`;

export const pageScript = `
const svg = document.getElementById("drawing");
if (svg !== null) {
  const frame = document.getElementById("frame");
  const labels = document.getElementById("labels");
  const details = document.getElementById("details");
  const problem = document.getElementById("problem");
  const gutter = Number(svg.dataset.gutter);
  const endOf = (box) => Number(box.getAttribute("x")) + Number(box.getAttribute("width"));
  const bars = [...svg.querySelectorAll(".bar")].map((bar) => {
    const box = bar.querySelector("rect");
    const x = Number(box.getAttribute("x"));
    return { text: bar.querySelector("text"), x, end: endOf(box) };
  });
  const passed = document.getElementById("passed");
  const strikes = [...svg.querySelectorAll(".strike")].map((strike) => ({
    x: Number(strike.querySelector("line").getAttribute("x1")),
    label: strike.querySelector("title").textContent,
  }));
  let scale = 1;
  // The names of rows and of bars that began further left stay in sight, and the last strike there.
  const follow = () => {
    const left = frame.scrollLeft / scale;
    labels.setAttribute("transform", "translate(" + left + ",0)");
    const before = strikes.findLast(({ x }) => x < left + gutter);
    passed.textContent = before === undefined ? "" : "before: " + before.label;
    for (const { text, x, end } of bars) {
      const from = Math.max(x, Math.min(left + gutter, end - 60));
      text.setAttribute("x", from - x + 6);
    }
  };
  const resize = (next) => {
    const middle = (frame.scrollLeft + frame.clientWidth / 2) / scale;
    scale = Math.min(4, Math.max(0.1, next));
    svg.setAttribute("width", svg.dataset.width * scale);
    svg.setAttribute("height", svg.dataset.height * scale);
    frame.scrollLeft = middle * scale - frame.clientWidth / 2;
    follow();
  };
  const show = (bar) => {
    details.textContent = bar.dataset.details;
  };
  const toProblem = () => {
    if (problem === null) return;
    const boxes = [...svg.querySelectorAll(".blocked rect, .unplaceable rect")].slice(0, 12);
    const lefts = boxes.map((box) => Number(box.getAttribute("x")));
    const ends = boxes.map(endOf);
    const left = Math.min(...lefts) - gutter - 60;
    const width = Math.max(...ends) - left + 60;
    resize(Math.min(1.2, Math.max(0.6, frame.clientWidth / width)));
    const box = problem.querySelector("rect");
    const end = endOf(box);
    const isFitting = width * scale <= frame.clientWidth + 1;
    frame.scrollLeft = isFitting ? left * scale : end * scale - frame.clientWidth * 0.7;
    frame.scrollTop = Number(box.getAttribute("y")) * scale - frame.clientHeight / 2;
    follow();
    show(problem);
  };
  for (const event of ["mouseover", "focusin"]) {
    svg.addEventListener(event, ({ target }) => {
      const bar = target.closest(".bar");
      if (bar !== null) show(bar);
    });
  }
  frame.addEventListener("scroll", follow);
  document.getElementById("to-problem").addEventListener("click", toProblem);
  document.getElementById("smaller").addEventListener("click", () => resize(scale / 1.3));
  document.getElementById("larger").addEventListener("click", () => resize(scale * 1.3));
  document.getElementById("whole").addEventListener("click", () =>
    resize((frame.clientWidth - 2) / svg.dataset.width));
  toProblem();
}
`;
