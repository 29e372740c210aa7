/** Many publishers as one: each call goes to the next one. */
import { assert } from "../../consensus/index.ts";
import type { Publisher } from "../systems/system.ts";

/** They connect at the same time. One is a crowd by itself. */
export async function crowdOf(
  count: number,
  connect: () => Promise<Publisher>,
): Promise<Publisher> {
  const all = await Promise.all(Array.from({ length: count }, connect));
  const [first] = all;
  assert(first !== undefined, "a crowd has a member");
  if (count === 1) return first;
  let calls = 0;
  const next = (): Publisher => {
    calls += 1;
    return all[calls % count] ?? first;
  };
  return {
    publish: async (entry) => await next().publish(entry),
    publishMany: async (entries) => await next().publishMany?.(entries),
    close: async () => {
      await Promise.all(all.map((publisher) => publisher.close()));
    },
  };
}
