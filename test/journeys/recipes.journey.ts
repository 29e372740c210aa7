/**
 * The recipes of examples/, each run by several processes, while leaders are killed and nodes and
 * holders sleep beyond their lease: no token has two holders, no tick is run twice, and the store
 * that they guard takes nothing from who was overtaken. ROUNDS=50 for a long one.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { root, type Child } from "../processes/child.ts";
import { Cluster } from "../processes/cluster.ts";
import { eventually, Kit } from "../processes/kit.ts";

const rounds = Number(process.env["ROUNDS"] ?? 2);
const leaseMs = 1000;
/** A holder may be done just before it falls asleep, though not so often in a row. */
const pausesMax = 10;

/** What a recipe's processes say when they are given something: its token, and what it is for. */
const gifts = {
  "leader-election": /^leads under (?<token>\d+)$/,
  "cron-once": /^runs (?<tick>\S+) under (?<token>\d+)$/,
  lock: /^counts from (?<count>\d+) under (?<token>\d+)$/,
} as const;
type Recipe = keyof typeof gifts;

const environments: Readonly<Record<Recipe, Readonly<Record<string, string>>>> = {
  "leader-election": { WORK_MS: "50" },
  "cron-once": { WORK_MS: "250", EVERY_MS: "500" },
  lock: { WORK_MS: "150" },
};

interface Gift {
  readonly holder: Child;
  readonly token: number;
  readonly line: string;
}

/** Several processes of one recipe, replaced when they are killed. */
class Team {
  readonly recipe: Recipe;
  readonly #kit: Kit;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #children: Child[] = [];

  constructor(kit: Kit, recipe: Recipe, endpoints: string) {
    this.recipe = recipe;
    this.#kit = kit;
    this.#environment = {
      KIBITZER_ENDPOINTS: endpoints,
      STORE: kit.path("store.sqlite"),
      LEASE_MS: String(leaseMs),
      ...environments[recipe],
    };
    for (let count = 0; count < 3; count += 1) this.start();
  }

  start(): void {
    const cli = join(root, `examples/${this.recipe}.ts`);
    this.#children.push(this.#kit.start([], { cli, environment: this.#environment }));
  }

  /** All that was ever given, by token. */
  gifts(): readonly Gift[] {
    const given = this.#children.flatMap((holder) =>
      holder.lines.flatMap((line) => {
        const token = gifts[this.recipe].exec(line)?.groups?.["token"];
        return token === undefined ? [] : [{ holder, token: Number(token), line }];
      }),
    );
    return given.toSorted((left, right) => left.token - right.token);
  }

  /** The next that is given to anybody, unless to `except`. */
  async next(except?: Child): Promise<Gift> {
    const before = this.gifts().at(-1)?.token ?? 0;
    return await eventually(`${this.recipe} goes on after ${before}`, async () => {
      const last = await Promise.resolve(this.gifts().at(-1));
      return last !== undefined && last.token > before && last.holder !== except ? last : null;
    });
  }

  /**
   * The holder sleeps until somebody else was given the next, and wakes; resolves with whether it
   * was overtaken: it may have been done just before it fell asleep.
   */
  async pause(): Promise<boolean> {
    const { holder, token } = await this.#held();
    holder.signal("SIGSTOP");
    try {
      await this.next(holder);
    } finally {
      holder.signal("SIGCONT");
    }
    const ending = new RegExp(`^(refused|lost|done) ${token}$`);
    const told = (): string | null => holder.lines.find((line) => ending.test(line)) ?? null;
    return (await holder.until(`the end of ${token}`, told)) !== `done ${token}`;
  }

  /** Puts holders to sleep until one is overtaken; resolves with how many slept. */
  async overtake(): Promise<number> {
    for (let slept = 1; slept <= pausesMax; slept += 1) {
      if (await this.pause()) return slept;
    }
    throw new Error(
      `${this.recipe}: of ${pausesMax} that slept while they held it, none was refused`,
    );
  }

  async kill(): Promise<void> {
    const { holder } = await this.#held();
    await holder.kill("SIGKILL");
    this.start();
    await this.next(holder);
  }

  /** Who leads stays so for long; the others give back what they were given. */
  async #held(): Promise<Gift> {
    const last = this.gifts().at(-1);
    const isHeld = this.recipe === "leader-election" && last?.holder.exit === null;
    return isHeld ? last : await this.next();
  }

  refused(): number {
    const lines = this.#children.flatMap((child) => child.lines);
    return lines.filter((line) => line.startsWith("refused")).length;
  }

  /** Those that ended by themselves. */
  failed(): readonly Child[] {
    return this.#children.filter(({ exit }) => exit !== null && exit.signal !== "SIGKILL");
  }
}

/** The store, made before anybody uses it, so that it keeps what it took in the order of taking. */
function openStore(kit: Kit): DatabaseSync {
  const store = new DatabaseSync(kit.path("store.sqlite"), { timeout: 30_000 });
  store.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE things (name TEXT PRIMARY KEY, fence INTEGER, value TEXT);
    CREATE TABLE taken (number INTEGER PRIMARY KEY, name TEXT, fence INTEGER, value TEXT);
    CREATE TRIGGER inserted AFTER INSERT ON things BEGIN
      INSERT INTO taken (name, fence, value) VALUES (new.name, new.fence, new.value); END;
    CREATE TRIGGER updated AFTER UPDATE ON things BEGIN
      INSERT INTO taken (name, fence, value) VALUES (new.name, new.fence, new.value); END`);
  return store;
}

/** How often the store was given something smaller than before, under one name. */
function reversals(store: DatabaseSync, column: "fence" | "value"): number {
  const sql = `SELECT COUNT(*) AS count FROM (
    SELECT CAST(${column} AS INTEGER) < MAX(CAST(${column} AS INTEGER)) OVER
      (PARTITION BY name ORDER BY number ROWS UNBOUNDED PRECEDING) AS falls
    FROM taken WHERE name = 'counter' OR '${column}' = 'fence') WHERE falls`;
  return Number(store.prepare(sql).get()?.["count"]);
}

/** Resolves with how many processes slept. */
async function disturb(cluster: Cluster, teams: readonly Team[]): Promise<number> {
  let slept = 1;
  for (const team of teams) {
    slept += await team.overtake();
    await team.kill();
  }
  const killed = await cluster.leader();
  await cluster.kill(killed);
  await goOn(teams);
  await cluster.restart(killed);
  await cluster.whole();
  const asleep = await cluster.leader();
  cluster.child(asleep).signal("SIGSTOP");
  try {
    await new Promise((resolve) => setTimeout(resolve, 2 * leaseMs));
    await goOn(teams);
  } finally {
    cluster.child(asleep).signal("SIGCONT");
  }
  await cluster.whole();
  return slept;
}

/** Who leads may go on leading; the others are given something again and again. */
async function goOn(teams: readonly Team[]): Promise<void> {
  await Promise.all(teams.slice(1).map(async (team) => await team.next()));
}

function check(t: TestContext, teams: readonly Team[], store: DatabaseSync): void {
  for (const team of teams) {
    const tokens = team.gifts().map(({ token }) => token);
    assert.equal(new Set(tokens).size, tokens.length, `${team.recipe}: one holder a token`);
    assert.deepEqual(team.failed(), [], `${team.recipe}: nobody gave up`);
    t.diagnostic(`${team.recipe}: given ${tokens.length} times, refused ${team.refused()} times`);
  }
  const [, cron, lock] = teams;
  assert.ok(cron !== undefined && lock !== undefined);
  const ticks = cron.gifts().map(({ line }) => gifts["cron-once"].exec(line)?.groups?.["tick"]);
  const times = ticks.map((tick = "") => Date.parse(tick));
  assert.equal(new Set(times).size, times.length, "no tick is run twice");
  const inOrder = times.toSorted((left, right) => left - right);
  assert.deepEqual(times, inOrder, "ticks are begun in their order");
  assert.ok(Math.min(cron.refused(), lock.refused()) >= rounds, "who was overtaken is refused");
  assert.equal(reversals(store, "fence"), 0, "the store took nothing under a stale fence");
  assert.equal(reversals(store, "value"), 0, "no count was taken back");
  const counted = store.prepare(`SELECT COUNT(DISTINCT value) AS counts, MAX(CAST(value AS INTEGER))
    AS last FROM taken WHERE name = 'counter' AND value IS NOT NULL`);
  const { counts, last } = counted.get() ?? {};
  assert.equal(counts, last, "and none was lost");
}

test("P11 kills and sleep give no token twice, run no tick twice, lose no count", async (t) => {
  const kit = Kit.open(t);
  const store = openStore(kit);
  t.after(() => store.close());
  const cluster = await Cluster.start(kit, {
    process: () => ({ environment: { KIBITZER_KV: "true" } }),
  });
  const recipes = ["leader-election", "cron-once", "lock"] as const;
  const teams = recipes.map((recipe) => new Team(kit, recipe, cluster.endpoints));
  await Promise.all(teams.map(async (team) => await team.next()));
  let slept = 0;
  for (let round = 1; round <= rounds; round += 1) slept += await disturb(cluster, teams);
  check(t, teams, store);
  t.diagnostic(`${rounds} rounds: ${4 * rounds} processes killed, ${slept} put to sleep`);
});
