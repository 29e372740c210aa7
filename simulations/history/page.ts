/**
 * The page that shows what is wrong with a history: one file that asks nothing of any network, in
 * light and dark. What it shows comes from somebody's history, so every text of it is escaped.
 */
import type { HistoryReport, Problem } from "./check.ts";
import { draw, escape, type Drawable } from "./drawing.ts";
import { describeOperation, type Operation, type Strike } from "./operation.ts";
import { pageScript, pageStyle } from "./page-style.ts";

export interface PageParts {
  readonly title: string;
  readonly operations: readonly Operation[];
  /** What was done to the system meanwhile. */
  readonly strikes?: readonly Strike[];
  /** With a problem. */
  readonly report: HistoryReport;
}

/** How many operations of the order are listed below the drawing. */
const listedMax = 40;

export function drawPage({ title, operations, strikes = [], report }: PageParts): string {
  const { problem, verdict } = report;
  const body = problem === null ? "" : problemOf({ operations, strikes }, problem);
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escape(verdict)}: ${escape(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1><span class="verdict ${verdict.replaceAll(" ", "-")}">${escape(verdict)}</span>
${escape(title)}</h1>
<p class="facts">${factsOf(report)}</p>
</header>
${body}
<script>${pageScript}</script>
</body>
</html>
`;
}

function factsOf(report: HistoryReport): string {
  const { model, operations, failed, unknown, processes, partitions } = report;
  const facts = [
    `${model} model`,
    `${operations} operations`,
    `${failed} failed`,
    `${unknown} of unknown outcome`,
    `${processes} processes`,
    partitions === 1 ? "1 object" : `${partitions} objects`,
  ];
  return facts.map((fact) => `<span>${escape(fact)}</span>`).join("");
}

function problemOf(drawable: Drawable, problem: Problem): string {
  const { svg, drawn, left } = draw(drawable, problem);
  const part = left === 0 ? `all ${drawn}` : `${drawn} of ${drawn + left}`;
  const unplaceable = problem.unplaceable.slice(0, listedMax);
  const object = problem.key === null ? "" : `<b>key ${escape(problem.key)}</b> · `;
  return `<p class="reason">${object}${escape(problem.reason)}</p>
<section class="figure">
<div class="tools">
<div class="legend">
<span class="key placed">in the order found</span>
<span class="key blocked">cannot be placed</span>
<span class="key unplaceable">contradicts it, or open meanwhile</span>
<span class="key later">after it</span>
<span class="key unknown">outcome unknown</span>
<span class="key struck">done to the system</span>
</div>
<div class="buttons">
<button id="to-problem">to the problem</button>
<button id="smaller" aria-label="smaller">−</button>
<button id="larger" aria-label="larger">+</button>
<button id="whole">whole width</button>
</div>
</div>
<div id="frame" tabindex="0">
${svg}
</div>
<pre id="details" aria-live="polite">Point at an operation to read all of it.</pre>
<p class="note">Time runs to the right, one step an event: ${part} operations are drawn. A dot is
the moment at which an operation takes effect, and the line through the dots is the order found.</p>
</section>
<section class="lists">
<div><h2>The order found ends with</h2>${listOf(problem.order)}</div>
<div><h2>Cannot be placed next</h2>${listOf(unplaceable)}</div>
</section>`;
}

/** The last of them. */
function listOf(operations: readonly Operation[]): string {
  if (operations.length === 0) return `<p class="note">nothing</p>`;
  const first = Math.max(0, operations.length - listedMax);
  const items = operations.slice(first).map((operation) => {
    const { process, line } = operation;
    const where = `<i>line ${line}, process ${escape(String(process))}</i>`;
    return `<li><code>${escape(describeOperation(operation))}</code> ${where}</li>`;
  });
  return `<ol start="${first + 1}">${items.join("\n")}</ol>`;
}
