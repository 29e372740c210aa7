/**
 * Draws the part of a history around its problem, as SVG: a row a process, a bar an operation from
 * its call to its return, a dot where the order that was found puts it. Draws a bounded part only,
 * so that the page stays quick however long the history is.
 */
import type { Problem } from "./check.ts";
import {
  brief,
  describeOperation,
  type Operation,
  type Process,
  type Strike,
} from "./operation.ts";

/** How many operations of each kind are drawn at most, those nearest to the problem. */
const placedMax = 160;
const unplaceableMax = 40;
const laterMax = 60;

const unit = 46;
const rowHeight = 34;
const barHeight = 22;
/** Above the rows: a line for the limit, and some for what was done to the system. */
const markLine = 14;
const markLines = 2;
const markCharacters = 48;
const header = 26 + markLine * markLines;
const characterWidth = 6.7;
/** Steps behind the last event, and how far an operation without an end is drawn. */
const trailing = 3;
const openLength = 6;

export interface Drawable {
  readonly operations: readonly Operation[];
  readonly strikes: readonly Strike[];
}

export interface Drawing {
  readonly svg: string;
  readonly drawn: number;
  /** Operations of the same object that are not drawn. */
  readonly left: number;
}

type Look = "placed" | "blocked" | "unplaceable" | "failed" | "later";

interface Bar {
  readonly operation: Operation;
  readonly look: Look;
  readonly row: number;
  readonly x: number;
  readonly width: number;
  /** Its place in the order from 1, and where the dot stands; null when it has none. */
  readonly place: { readonly number: number; readonly x: number } | null;
}

export function draw({ operations, strikes }: Drawable, problem: Problem): Drawing {
  const ofObject = operations.filter(({ key }) => key === problem.key);
  const chosen = choose(ofObject, problem);
  const columns = columnsOf(chosen);
  const rows = rowsOf(chosen);
  const gutter = gutterOf([...rows.keys()]);
  const points = pointsOf(problem.order, new Set(chosen), columns);
  const end = columns.count + trailing;
  const bars = chosen.map((operation): Bar => {
    const from = columns.of(operation.invoked);
    const point = points.get(operation) ?? null;
    const to = Number.isFinite(operation.returned)
      ? columns.of(operation.returned)
      : Math.min(end, openLength + Math.max(from, point?.column ?? from));
    return {
      operation,
      look: lookOf(operation, problem),
      row: rows.get(operation.process) ?? 0,
      x: gutter + unit * from,
      width: unit * (to - from),
      place: point === null ? null : { number: point.number, x: gutter + unit * point.column },
    };
  });
  const size = { width: gutter + unit * end, height: header + rowHeight * rows.size + 8, gutter };
  const marks = marksOf(strikes, columns).map(({ label, column }) => {
    return { label, x: gutter + unit * column };
  });
  const svg = svgOf({ bars, marks, processes: [...rows.keys()], size });
  return { svg, drawn: chosen.length, left: ofObject.length - chosen.length };
}

function gutterOf(processes: readonly Process[]): number {
  const longest = Math.max(0, ...processes.map((process) => labelOf(process).length));
  return 30 + characterWidth * longest;
}

function labelOf(process: Process): string {
  return typeof process === "number" ? `process ${process}` : process.slice(0, 24);
}

function choose(operations: readonly Operation[], problem: Problem): readonly Operation[] {
  const placed = problem.order.slice(-placedMax);
  const unplaceable = problem.unplaceable.slice(0, unplaceableMax);
  const settled = new Set([...problem.order, ...problem.unplaceable]);
  const from = Math.min(...[...placed, ...unplaceable].map(({ invoked }) => invoked));
  const others = operations.filter((operation) => {
    return !settled.has(operation) && operation.returned > from;
  });
  const focus = unplaceable[0]?.invoked ?? 0;
  const near = others.toSorted((left, right) => {
    return Math.abs(left.invoked - focus) - Math.abs(right.invoked - focus);
  });
  const chosen = [...placed, ...unplaceable, ...near.slice(0, laterMax)];
  return chosen.toSorted((left, right) => left.invoked - right.invoked);
}

function lookOf(operation: Operation, { order, unplaceable }: Problem): Look {
  if (operation === unplaceable[0]) return "blocked";
  if (unplaceable.includes(operation)) return "unplaceable";
  if (operation.outcome === "failed") return "failed";
  return order.includes(operation) ? "placed" : "later";
}

interface Columns {
  readonly count: number;
  of(position: number): number;
  /** How many of them stand for events before this one. */
  before(position: number): number;
}

/** Only the events that are drawn take room. */
function columnsOf(operations: readonly Operation[]): Columns {
  const positions = operations.flatMap(({ invoked, returned }) => [invoked, returned]);
  const known = [...new Set(positions)].filter(Number.isFinite).toSorted((a, b) => a - b);
  const columns = new Map(known.map((position, column) => [position, column]));
  const before = (position: number): number => known.filter((at) => at < position).length;
  return { count: known.length, of: (position) => columns.get(position) ?? 0, before };
}

function rowsOf(operations: readonly Operation[]): ReadonlyMap<Process, number> {
  const processes = [...new Set(operations.map(({ process }) => process))].toSorted(byName);
  return new Map(processes.map((process, row) => [process, row]));
}

function byName(left: Process, right: Process): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left) < String(right) ? -1 : 1;
}

/** Each dot lies between the two events between which its operation takes effect. */
function pointsOf(
  order: readonly Operation[],
  drawn: ReadonlySet<Operation>,
  columns: Columns,
): ReadonlyMap<Operation, { readonly number: number; readonly column: number }> {
  const groups = new Map<number, { readonly operation: Operation; readonly number: number }[]>();
  let after = -1;
  for (const [place, operation] of order.entries()) {
    if (!drawn.has(operation)) continue;
    after = Math.max(after, columns.of(operation.invoked));
    const group = groups.get(after) ?? [];
    groups.set(after, group);
    group.push({ operation, number: place + 1 });
  }
  const points = [...groups].flatMap(([column, group]) => {
    return group.map(({ operation, number }, place) => {
      const between = (place + 1) / (group.length + 1);
      return [operation, { number, column: column + between }] as const;
    });
  });
  return new Map(points);
}

/** Something that was done to the system, between the events beside it. */
interface Mark {
  readonly label: string;
  readonly x: number;
}

/** Those between two events that are drawn; several at one place share a label. */
function marksOf(
  strikes: readonly Strike[],
  columns: Columns,
): readonly { readonly label: string; readonly column: number }[] {
  const byPlace = Map.groupBy(strikes, ({ before }) => columns.before(before));
  const drawn = [...byPlace].filter(([after]) => after > 0 && after < columns.count);
  return drawn.map(([after, some]) => {
    return { label: some.map(labelOfStrike).join("; "), column: after - 0.5 };
  });
}

function labelOfStrike({ what, at }: Strike): string {
  if (at === null) return what;
  if (Array.isArray(at)) return `${what} ${at.join(", ")}`;
  return `${what} ${typeof at === "string" ? at : brief(at)}`;
}

interface Size {
  /** Room for the names of the processes. */
  readonly gutter: number;
  readonly width: number;
  readonly height: number;
}

interface Parts {
  readonly bars: readonly Bar[];
  readonly marks: readonly Mark[];
  readonly processes: readonly Process[];
  readonly size: Size;
}

function svgOf({ bars, marks, processes, size }: Parts): string {
  const { width, height, gutter } = size;
  const stripes = processes.map((_, row) => {
    const y = header + rowHeight * row;
    return `<rect class="row" x="0" y="${y}" width="${width}" height="${rowHeight}"/>`;
  });
  const labels = processes.map((process, row) => {
    const y = header + rowHeight * (row + 0.5) + 4;
    return `<text x="12" y="${y}">${escape(labelOf(process))}</text>`;
  });
  const gutterRect = `<rect class="gutter" x="0" y="0" width="${gutter - 10}" height="${height}"/>`;
  return [
    `<svg id="drawing" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` data-width="${width}" data-height="${height}" data-gutter="${gutter}"`,
    ` role="img" aria-label="operations by process">`,
    `<defs><linearGradient id="fade"><stop offset="0" class="solid"/>`,
    `<stop offset="1" class="clear"/></linearGradient></defs>`,
    ...stripes,
    ...marks.map((mark, place) => markOf(mark, place, height)),
    ...limitOf(bars, height),
    ...bars.map(barOf),
    pathOf(bars),
    ...bars.map(dotOf),
    `<g id="labels">${gutterRect}${labels.join("")}`,
    `<text id="passed" x="${gutter}" y="12"></text></g>`,
    `</svg>`,
  ].join("\n");
}

/** Neighbours write their labels on lines of their own, where they fit in. */
function markOf({ label, x }: Mark, place: number, height: number): string {
  const y = 12 + markLine * (1 + (place % markLines));
  const text = label.length <= markCharacters ? label : `${label.slice(0, markCharacters - 1)}…`;
  return (
    `<g class="strike"><line x1="${x}" x2="${x}" y1="${y - 8}" y2="${height}"/>` +
    `<text x="${x + 4}" y="${y}">${escape(text)}</text><title>${escape(label)}</title></g>`
  );
}

/** The moment by which the blocked operation had to have its place. */
function limitOf(bars: readonly Bar[], height: number): readonly string[] {
  const blocked = bars.find(({ look }) => look === "blocked");
  if (blocked === undefined) return [];
  const x = blocked.x + blocked.width;
  const label = "must have its place before here";
  return [
    `<line class="limit" x1="${x}" x2="${x}" y1="0" y2="${height}"/>`,
    `<text class="limit-label" x="${x + 6}" y="12">${label}</text>`,
  ];
}

function middleOf(row: number): number {
  return header + rowHeight * (row + 0.5);
}

/** Dots stand at the lower edge of their bars, so that they cover no text. */
function edgeOf(row: number): number {
  return middleOf(row) + barHeight / 2;
}

function barOf({ operation, look, row, x, width, place }: Bar): string {
  const y = middleOf(row) - barHeight / 2;
  const kind = operation.outcome === "unknown" ? " unknown" : "";
  const room = Math.max(1, Math.floor((width - 10) / characterWidth));
  const name = describeOperation(operation);
  const text = name.length <= room ? name : `${name.slice(0, Math.max(1, room - 1))}…`;
  const id = look === "blocked" ? ` id="problem"` : "";
  const details = escape(detailsOf(operation, look, place?.number ?? null));
  return (
    `<g class="bar ${look}${kind}"${id} tabindex="0" data-details="${details}">` +
    `<rect x="${x}" y="${y}" width="${width}" height="${barHeight}" rx="5"/>` +
    `<svg x="${x}" y="${y}" width="${width}" height="${barHeight}">` +
    `<text x="6" y="15">${escape(text)}</text></svg><title>${details}</title></g>`
  );
}

const meaning: Readonly<Record<Look, string>> = {
  placed: "has a place in the order found",
  blocked: "cannot be placed: the problem",
  unplaceable: "cannot be placed next either, or contradicts the problem",
  failed: "did not take effect",
  later: "not looked at: after the problem, or of unknown outcome",
};

function detailsOf(operation: Operation, look: Look, place: number | null): string {
  const { process, line, invoked, returned, invokedTime, returnedTime } = operation;
  const end = returned === Infinity ? "never returned" : `returned at event ${returned}`;
  return [
    describeOperation(operation),
    `process ${process}, line ${line}`,
    `called at event ${invoked}${clock(invokedTime)}, ${end}${clock(returnedTime)}`,
    place === null ? meaning[look] : `number ${place} of the order found`,
  ].join("\n");
}

function clock(time: number | null): string {
  return time === null ? "" : ` (${(time / 1e6).toFixed(3)} ms)`;
}

/** The order as a line through the dots. */
function pathOf(bars: readonly Bar[]): string {
  const dots = bars
    .flatMap(({ place, row }) => (place === null ? [] : [{ ...place, row }]))
    .toSorted((left, right) => left.number - right.number);
  const points = dots.map(({ x, row }) => `${x.toFixed(1)},${edgeOf(row)}`);
  return `<polyline class="order" points="${points.join(" ")}"/>`;
}

function dotOf({ place, row }: Bar): string {
  if (place === null) return "";
  return `<circle class="dot" cx="${place.x.toFixed(1)}" cy="${edgeOf(row)}" r="3.5"/>`;
}

/** Text for HTML, whatever a history holds. */
export function escape(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => names[character] ?? character);
}
