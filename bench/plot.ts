/** The rates as a picture: a group of bars for each load, on a logarithmic scale. */
import type { BenchResult, Row } from "./result.ts";
import type { SystemName } from "./systems/system.ts";

const colours: Readonly<Record<SystemName, string>> = {
  kibitzer: "#0b6e4f",
  bound: "#b8c4bb",
  rabbitmq: "#e07a3f",
  etcd: "#3d7ea6",
  zookeeper: "#8d6a9f",
  nats: "#c9a227",
};

const bar = { width: 26, gap: 4 };
const groupGap = 34;
const margin = { left: 64, right: 16, top: 44, bottom: 56 };
const plotHeight = 260;
const decadeFirst = 2;

interface Group {
  readonly title: string;
  readonly rows: readonly Row[];
}

export function plot({ rows, commit, machine, date }: BenchResult): string {
  const groups = groupsOf(rows);
  const names = [...new Set(rows.map(({ system }) => system))];
  const decadeLast = Math.ceil(Math.log10(Math.max(10 ** 3, ...rows.map(({ rate }) => rate))));
  const heightOf = (rate: number): number =>
    (plotHeight * (Math.log10(Math.max(rate, 10 ** decadeFirst)) - decadeFirst)) /
    (decadeLast - decadeFirst);
  const shapes: string[] = [];
  let x = margin.left + groupGap / 2;
  const floor = margin.top + plotHeight;
  for (const { title, rows: members } of groups) {
    const begin = x;
    for (const row of members) {
      const height = heightOf(row.rate);
      shapes.push(barOf({ row, x, y: floor - height, height }));
      x += bar.width + bar.gap;
    }
    shapes.push(text((begin + x - bar.gap) / 2, floor + 18, title, "middle"));
    x += groupGap;
  }
  const width = x + margin.right;
  for (let decade = decadeFirst; decade <= decadeLast; decade += 1) {
    const y = floor - heightOf(10 ** decade);
    shapes.unshift(`<path d="M${margin.left} ${y}H${width - margin.right}" stroke="#ddd"/>`);
    shapes.push(text(margin.left - 8, y + 4, (10 ** decade).toLocaleString("en"), "end"));
  }
  const height = floor + margin.bottom;
  const label = `Acknowledged entries a second, ${date}, commit ${commit}, ${machine}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ` +
      `aria-label="${label}" font-family="system-ui, sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...legend(names),
    ...shapes,
    text(margin.left, height - 12, label, "start"),
    "</svg>\n",
  ].join("\n");
}

function groupsOf(rows: readonly Row[]): readonly Group[] {
  const byTitle = Map.groupBy(rows, ({ size, outstanding }) => `${size} B × ${outstanding}`);
  return [...byTitle].map(([title, members]) => ({ title, rows: members }));
}

function barOf(at: { row: Row; x: number; y: number; height: number }): string {
  const { row, x, y, height } = at;
  const rate = Math.round(row.rate).toLocaleString("en");
  return (
    `<rect x="${x}" y="${y.toFixed(1)}" width="${bar.width}" height="${height.toFixed(1)}" ` +
    `fill="${colours[row.system]}"><title>${row.system}: ${rate}/s</title></rect>` +
    text(x + bar.width / 2, y - 4, short(row.rate), "middle")
  );
}

function legend(names: readonly SystemName[]): readonly string[] {
  return names.map((name, at) => {
    const x = margin.left + at * 96;
    return (
      `<rect x="${x}" y="12" width="12" height="12" fill="${colours[name]}"/>` +
      text(x + 18, 22, name, "start")
    );
  });
}

function short(rate: number): string {
  if (rate < 1000) return rate.toFixed(0);
  return `${(rate / 1000).toFixed(rate < 10_000 ? 1 : 0)}k`;
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${x}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="#333">${content}</text>`;
}
