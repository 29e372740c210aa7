/** What `kibitz doctor` finds, and what `kibitz bundle` gathers, and leaves out. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { hashOf } from "../../src/access/tokens.ts";
import { bundle, settingsIn, type BundleOptions } from "../../src/commands/bundle.ts";
import { CommandError } from "../../src/commands/command-error.ts";
import { checkNode, doctor, type DoctorOptions } from "../../src/commands/doctor.ts";
import { exitCodes } from "../../src/commands/exit-codes.ts";
import { Kibitzer } from "../../src/kibitzer.ts";
import { Authority } from "../access/authority.ts";
import { captureOutput } from "./captured-output.ts";

interface Told {
  readonly check: string;
  readonly verdict: string;
  readonly advice: string | null;
  readonly values?: Readonly<Record<string, number>>;
}

interface Gathered {
  readonly found: ReturnType<typeof JSON.parse>;
  readonly missing: readonly string[];
}

const secret = "nobody else's business";

/** Exit code, findings by name, and the last line. */
async function run(
  options: Partial<DoctorOptions> & { readonly isAsked?: boolean },
): Promise<{ code: number; told: ReadonlyMap<string, Told>; verdict: string }> {
  const captured = captureOutput();
  const all = { endpoints: [], timeout: 5_000, isAsked: false, json: true, ...options };
  const code = await doctor(all, captured.output);
  const lines = (await captured.stdout()).trim().split("\n");
  const findings = lines.slice(0, -1).map((line): Told => JSON.parse(line));
  const { verdict }: { verdict: string } = JSON.parse(lines.at(-1) ?? "{}");
  return { code, told: new Map(findings.map((each) => [each.check, each])), verdict };
}

suite("doctor and bundle", () => {
  let directory: string;
  let node: Kibitzer;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "kibitz-doctor-"));
    const listen = ["ws://127.0.0.1:0"];
    const options = { id: "a", directory: join(directory, "a"), listen, recordBodies: true };
    node = await Kibitzer.open(options);
    await node.bootstrap("doctor");
    await node.publish(secret);
  });
  after(async () => {
    await node.close();
    await rm(directory, { recursive: true });
  });

  /** What a bundle holds, and what it says that it does not. */
  async function gather(name: string, options: BundleOptions): Promise<Gathered> {
    const captured = captureOutput();
    const file = join(directory, name);
    assert.equal(await bundle(file, { ...options, json: true }, captured.output), exitCodes.ok);
    const { missing }: { missing: readonly string[] } = JSON.parse(await captured.stdout());
    return { found: JSON.parse(gunzipSync(await readFile(file)).toString()), missing };
  }

  test("a disk is measured, and nothing is left on it", async () => {
    const { told, code } = await run({ data: directory });
    const speed = { ...told.get("disk speed")?.values };
    assert.deepEqual(Object.keys(speed), ["count", "p50Ms", "p99Ms", "maxMs"]);
    const [count = 0, ...times] = Object.values(speed);
    assert.ok(count > 0);
    assert.ok(times.every((ms, at) => ms > 0 && ms >= (times[at - 1] ?? 0)));
    assert.ok(Number(told.get("disk room")?.values?.["freeBytes"]) > 0);
    assert.deepEqual(await readdir(directory), ["a"]);
    assert.equal(code === exitCodes.ok, told.get("disk speed")?.verdict !== "failure");
  });

  test("of a directory that is not there yet the disk is measured all the same", async () => {
    const { told, code, verdict } = await run({ data: join(directory, "not", "yet") });
    assert.match(told.get("data")?.advice ?? "", /The first start makes it/);
    assert.ok(Number(told.get("disk speed")?.values?.["count"]) > 0);
    assert.equal(code, exitCodes.ok);
    assert.notEqual(verdict, "ok");
    assert.deepEqual(await readdir(directory), ["a"]);
    const file = await run({ data: join(directory, "a", "node") });
    assert.equal(file.told.get("disk")?.verdict, "failure");
  });

  test("a member is found, reached, asked for its time and its version", async () => {
    const { told, code } = await run({ endpoints: [node.url], isAsked: true });
    for (const check of [`name 127.0.0.1`, `reach ${node.url}`, `clock ${node.url}`, "versions"]) {
      assert.equal(told.get(check)?.verdict, "ok", check);
    }
    assert.equal(code, exitCodes.ok);
  });

  test("a port in use, and one that nobody listens at, are failures", async () => {
    const free = "ws://127.0.0.1:0";
    const { told, code } = await run({ listen: [node.url, free] });
    assert.equal(told.get(`listen ${node.url}`)?.verdict, "failure");
    assert.equal(told.get(`listen ${free}`)?.verdict, "ok");
    assert.equal(code, exitCodes.failure);
    const nobody = "ws://127.0.0.1:1";
    const asked = await run({ endpoints: [nobody], timeout: 100, isAsked: true });
    assert.equal(asked.told.get(`reach ${nobody}`)?.verdict, "failure");
    assert.equal(asked.told.get("versions")?.verdict, "failure");
  });

  test("an old Node.js is told", () => {
    assert.equal(checkNode("22.18.0").verdict, "ok");
    assert.equal(checkNode("24.0.0").verdict, "ok");
    assert.equal(checkNode("22.17.9").verdict, "failure");
    assert.equal(checkNode("20.20.0").verdict, "failure");
  });

  test("a bundle has all there is, without entries and secrets, for its owner alone", async () => {
    const file = join(directory, "bundle.json.gz");
    const captured = captureOutput();
    const data = join(directory, "a");
    const options = { endpoints: [node.url], timeout: 5_000, data, json: true };
    assert.equal(await bundle(file, options, captured.output), exitCodes.ok);
    const text = gunzipSync(await readFile(file)).toString();
    const found = JSON.parse(text);
    assert.equal(found.status.republic.name, "doctor");
    assert.match(found.endpoints[0].metrics, /kibitzer_consensus_is_leader 1/);
    assert.match(found.endpoints[0].readyz, /readyz check passed/);
    assert.ok(found.recording.last.length > 5);
    assert.ok(found.recording.last.every((each: { module: string }) => each.module === "kibitz"));
    assert.deepEqual(found.missing, ["inspection"]);
    assert.match(captured.stderr(), /not whole: inspection could not be had/);
    // The node runs: its directory is its own.
    assert.match(found.inspection.missing, /KBZ_IN_USE/);
    assert.deepEqual(JSON.parse(await captured.stdout()).missing, ["inspection"]);
    assert.ok(!text.includes(secret) && !text.includes([...Buffer.from(secret)].join(",")));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await assert.rejects(bundle(file, options, captured.output), (error) => {
      return error instanceof CommandError && error.exitCode === exitCodes.conflict;
    });
  });

  test("a bundle of nothing is none: it says so, and writes no file", async () => {
    const file = join(directory, "nothing.json.gz");
    const data = join(directory, "not-there");
    const options = { endpoints: ["ws://127.0.0.1:1"], timeout: 100, data };
    await assert.rejects(bundle(file, options, captureOutput().output), (error) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.exitCode, exitCodes.failure);
      assert.match(error.message, /No node answered at ws:\S+1, and nothing .* in \S+not-there/);
      return true;
    });
    assert.ok(!(await readdir(directory)).includes("nothing.json.gz"));
  });

  test("a node behind TLS and tokens is asked with both, and what it refuses is told", async () => {
    const town = new Authority("town");
    const [ca, token, tokens] = ["ca.pem", "token", "tokens"].map((name) => join(directory, name));
    assert.ok(ca !== undefined && token !== undefined && tokens !== undefined);
    await writeFile(ca, town.ca);
    await writeFile(token, "s3cret\n");
    await writeFile(tokens, `ci read ${hashOf("s3cret").toString("hex")}\n`);
    const listen = ["wss://127.0.0.1:0"];
    const tls = town.sign("node b");
    const place = join(directory, "b");
    await using guarded = await Kibitzer.open({ id: "b", directory: place, listen, tls, tokens });
    await guarded.bootstrap("guarded");
    const endpoints = [guarded.url];
    const shown = { endpoints, timeout: 5_000, tlsCa: ca, tokenFile: token };
    const { told, code } = await run({ ...shown, isAsked: true });
    const verdicts = [`clock ${guarded.url}`, "versions"].map((check) => told.get(check)?.verdict);
    assert.deepEqual([...verdicts, code], ["ok", "ok", exitCodes.ok]);
    const refused = await run({ endpoints, tlsCa: ca, isAsked: true });
    assert.equal(refused.told.get("versions")?.verdict, "failure");
    assert.match(refused.told.get("versions")?.advice ?? "", /--token-file/);

    const whole = await gather("guarded.gz", shown);
    assert.deepEqual(whole.missing, []);
    assert.equal(whole.found.status.republic.name, "guarded");
    assert.match(whole.found.endpoints[0].metrics, /kibitzer_consensus_is_leader/);
    const { found, missing } = await gather("refused.gz", { endpoints, timeout: 5_000, tlsCa: ca });
    assert.deepEqual(missing, ["endpoints[0].metrics", "status"]);
    assert.match(found.endpoints[0].metrics.missing, /it answered 401: .*KBZ_FORBIDDEN/);
    assert.match(found.status.missing, /KBZ_FORBIDDEN/);
    assert.match(found.endpoints[0].readyz, /readyz check passed/);
    await assert.rejects(gather("none.gz", { ...shown, tokenFile: join(directory, "nowhere") }), {
      code: "KBZ_NOT_FOUND",
    });
  });

  test("a node in no republic says why it is not ready; only its status is missing", async () => {
    const listen = ["ws://127.0.0.1:0"];
    await using alone = await Kibitzer.open({ id: "c", directory: join(directory, "c"), listen });
    const asked = { endpoints: [alone.url], timeout: 100 };
    const { found, missing } = await gather("alone.gz", asked);
    assert.match(found.endpoints[0].readyz, /\[-\]republic failed/);
    assert.deepEqual(missing, ["status"]);
    assert.match(found.status.missing, /no endpoint is in a republic/);
  });

  test("of settings, what may be a secret goes by its name alone", () => {
    const shown = settingsIn({
      KIBITZER_TOKEN: "t0p",
      KIBITZER_ENDPOINTS: "ws://me:pw@host:1",
      KIBITZER_LOG_LEVEL: "warn",
      HOME: "somewhere",
    });
    assert.deepEqual(shown, {
      KIBITZER_TOKEN: "(not shown)",
      KIBITZER_ENDPOINTS: "ws://(not shown)@host:1",
      KIBITZER_LOG_LEVEL: "warn",
    });
  });
});
