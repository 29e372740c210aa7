/**
 * The client of a round, in a process of its own. Its one argument is a `ClientTask` as JSON; it
 * prints a `Measured` for each load, on a line of its own.
 */
import { kibitzerBy } from "../systems/kibitzer.ts";
import { systemNamed } from "../systems/systems.ts";
import type { ClientTask } from "./client-task.ts";
import { crowdOf } from "./crowd.ts";
import { measure } from "./measure.ts";

const {
  system,
  endpoints,
  pids,
  works,
  publishers = 1,
  tls,
}: ClientTask = JSON.parse(process.argv[2] ?? "");
const called = tls === undefined ? systemNamed(system) : kibitzerBy({ tls });
const publisher = await crowdOf(publishers, () => called.connect(endpoints));
let rateBefore = 0;
for (const work of works) {
  const measured = await measure(publisher, work, { pids, rateBefore });
  rateBefore = measured.rate;
  console.log(JSON.stringify(measured));
}
await publisher.close();
process.exit();
