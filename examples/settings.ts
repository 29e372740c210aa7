/** What the recipes take from the environment. */
const { env } = process;

export const endpoints: readonly string[] = (
  env["KIBITZER_ENDPOINTS"] ?? "ws://127.0.0.1:7700"
).split(",");

/** Who holds a lock, for those who look. */
export const owner = `process ${process.pid}`;

/** How long a lock stays taken after its holder has gone silent. */
export const ttlMs = Number(env["LEASE_MS"] ?? 10_000);

/** How long the work of the recipe takes. */
export const workMs = Number(env["WORK_MS"] ?? 1000);

/** The time between two ticks of the job. */
export const everyMs = Number(env["EVERY_MS"] ?? 10_000);

/** The database that is guarded. */
export const storePath: string = env["STORE"] ?? "store.sqlite";
