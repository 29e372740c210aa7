/** Tables and numbers for a terminal. */
import Table from "cli-table3";

export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return value >= 100 ? whole(value) : String(Number(value.toPrecision(3)));
}

export function table(head: readonly string[], rows: readonly string[][]): string {
  const style = { head: [], border: [] };
  const colAligns = head.map((_, at) => (at === 0 ? "left" : "right"));
  const made = new Table({ head: [...head], colAligns, style });
  made.push(...rows);
  return made.toString();
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
