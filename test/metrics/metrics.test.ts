/** What a node's metrics say, asked over HTTP and in the program that embeds it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { Registry } from "prom-client";
import { KibitzerClient, type Kibitzer } from "../../src/index.ts";
import { openHttpNode, type HttpNode } from "../http/node.ts";
import { SeatedRepublic } from "../node/seated-republic.ts";
import { eventually } from "../processes/kit.ts";
import { Meter } from "../../src/metrics/meter.ts";
import { Histogram } from "../../src/metrics/histogram.ts";

/** The samples of a text, by name and labels. */
function samplesIn(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

function familiesIn(text: string): readonly string[] {
  return [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name);
}

/** The names in the table of the page, in full. */
function documented(): readonly string[] {
  const page = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");
  return [...page.matchAll(/^\| `(kibitzer_\w+)/gm)].map(([, name = ""]) => name);
}

suite("metrics of a node", () => {
  let http: HttpNode;
  before(async () => {
    http = await openHttpNode();
    await http.node.publish("one");
    await using client = await KibitzerClient.connect([http.node.url]);
    await client.publish("two");
  });
  after(async () => await http[Symbol.asyncDispose]());

  test("the text has what the page lists, and nothing else of ours", async () => {
    const response = await http.ask("/metrics");
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const ours = familiesIn(await response.text()).filter((name) => name.startsWith("kibitzer_"));
    assert.deepEqual(ours.toSorted(), documented().toSorted());
  });

  test("they tell what happened", async () => {
    const samples = samplesIn(await http.node.metrics());
    const at = (name: string): number => samples.get(`kibitzer_${name}`) ?? NaN;
    assert.equal(at("consensus_has_leader"), 1);
    assert.equal(at("consensus_is_leader"), 1);
    assert.equal(at("consensus_members"), 1);
    assert.equal(at("consensus_members_reachable"), 1);
    assert.equal(at("consensus_committed_index"), 2);
    assert.equal(at("consensus_applied_index"), 2);
    assert.equal(at("storage_last_index"), 2);
    assert.equal(at("storage_first_index"), 1);
    assert.equal(at('client_requests_total{method="enqueue",code="ok"}'), 1);
    assert.equal(at('client_request_duration_seconds_count{method="enqueue"}'), 1);
    assert.ok(at("consensus_commit_duration_seconds_count") >= 2);
    assert.ok(at("storage_fsync_duration_seconds_count") >= 2);
    assert.ok(at("storage_log_bytes") >= 1_048_576);
    assert.ok(at("storage_volume_bytes") >= at("storage_free_bytes"));
    assert.ok(at("storage_free_bytes") > 0);
    assert.equal(at('storage_degraded{reason="space"}'), 0);
    assert.ok((samples.get("process_cpu_seconds_total") ?? -1) > 0);
  });

  test("a follower over HTTP is a watcher, whose request was answered as it began", async () => {
    const follow = await http.ask("/v1/entries?from=2&follow=true&limit=2", {
      headers: { Accept: "text/event-stream" },
    });
    const during = samplesIn(await http.node.metrics());
    const count = 'client_request_duration_seconds_count{method="GET /v1/entries"}';
    assert.equal(during.get(`kibitzer_${count}`), 1);
    assert.equal(during.get("kibitzer_client_watchers"), 1);
    assert.ok((during.get("kibitzer_client_watcher_lag_entries") ?? -1) >= 0);
    await http.node.publish("three");
    await follow.text();
    const after = samplesIn(await http.node.metrics());
    assert.equal(after.get(`kibitzer_${count}`), 1);
    assert.equal(after.get("kibitzer_client_watchers"), 0);
  });

  test("an embedding program has them in its own registry, beside its own", async () => {
    const registry = new Registry();
    await http.node.registerMetrics(registry);
    const text = await registry.metrics();
    assert.equal(samplesIn(text).get("kibitzer_consensus_is_leader"), 1);
    assert.ok(!familiesIn(text).some((name) => name.startsWith("process_")));
    await assert.rejects(http.node.registerMetrics(registry), /already been registered/);
  });
});

/** Whether `node` has heard of `peer` all that there is. */
async function isTold(node: Kibitzer, peer: string): Promise<boolean> {
  const samples = samplesIn(await node.metrics());
  const at = (name: string): number => samples.get(`kibitzer_peer_${name}{peer="${peer}"}`) ?? NaN;
  const bytes = Math.min(at("sent_bytes_total"), at("received_bytes_total"));
  const isHeard = at("match_index") === 1 && at("lag_entries") === 0;
  return isHeard && bytes > 0 && at("round_trip_seconds_count") > 0;
}

test("members tell of each other: bytes both ways, round trips, and no lag", async () => {
  await using republic = await SeatedRepublic.of(["a", "b", "c"]);
  const [a, b] = ["a", "b"].map((id) => republic.node(id));
  assert.ok(a !== undefined && b !== undefined);
  await b.publish("one");
  await eventually("each has heard of the other", async () => {
    return (await isTold(a, "b")) && (await isTold(b, "a")) ? true : null;
  });
});

test("each time that a state is found to differ counts, whether anybody looks or not", () => {
  const meter = new Meter();
  for (const differing of [[], ["b"], ["b"], ["b", "c"], [], ["b"], []]) meter.compared(differing);
  assert.equal(meter.mismatches, 3);
});

test("a recorder counts under the bounds, each in all that are higher", () => {
  const recorder = new Histogram([0.001, 0.01, 0.1]);
  for (const ms of [0.5, 1, 1.5, 50, 500]) recorder.observe(ms);
  assert.deepEqual(recorder.cumulated(), [2, 3, 4]);
  assert.equal(recorder.count, 5);
  assert.ok(Math.abs(recorder.sum - 0.553) < 1e-9);
});
