/**
 * The alerts, judged by Prometheus' own tool: each fires when it should and not when it need not,
 * watches metrics that there are, and leads to a section that says what to do.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "deploy/prometheus");

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

function rules(): readonly Rule[] {
  const { groups }: { groups: readonly { rules: readonly Rule[] }[] } = parse(
    read("deploy/prometheus/kibitzer.rules.yaml"),
  );
  return groups.flatMap((group) => group.rules);
}

function promtool(...args: readonly string[]): string {
  return execFileSync("promtool", args, { cwd: folder, encoding: "utf8" });
}

test("the rules are well formed, and each does what its tests say", () => {
  assert.match(promtool("check", "rules", "kibitzer.rules.yaml"), /15 rules found/);
  assert.match(promtool("test", "rules", "kibitzer.rules.test.yaml"), /SUCCESS/);
});

test("each alert is tested firing and not", () => {
  const { tests }: { tests: readonly { name: string }[] } = parse(
    read("deploy/prometheus/kibitzer.rules.test.yaml"),
  );
  const names = tests.map(({ name }) => name);
  for (const { alert } of rules()) {
    assert.ok(names.includes(`${alert} fires`), alert);
    assert.ok(
      names.some((name) => name.startsWith(`${alert} does not fire: `)),
      alert,
    );
  }
});

test("each alert has a severity, words, and a section of the runbooks", () => {
  const headings = [...read("docs/runbooks.md").matchAll(/^## (\S+)$/gm)].map(([, name]) => name);
  assert.deepEqual(
    headings,
    rules().map(({ alert }) => alert),
  );
  for (const { alert, labels, annotations } of rules()) {
    assert.match(labels["severity"] ?? "", /^(warning|critical)$/, alert);
    assert.ok((annotations["summary"] ?? "") !== "" && (annotations["description"] ?? "") !== "");
    assert.equal(annotations["runbook_url"], `docs/runbooks.md#${alert.toLowerCase()}`);
  }
});

test("each alert, and the dashboard, watch metrics that there are", () => {
  const page = read("docs/metrics.md");
  const known = new Set([...page.matchAll(/^\| `(kibitzer_\w+)/gm)].map(([, name = ""]) => name));
  const watched = [...rules().map(({ expr }) => expr), read("deploy/grafana/kibitzer.json")];
  const names = watched.flatMap((text) => text.match(/kibitzer_\w+/g) ?? []);
  assert.ok(names.length > 40);
  const unknown = names.filter((name) => !known.has(name.replace(/_(bucket|sum|count)$/, "")));
  assert.deepEqual([...new Set(unknown)], []);
});
