/**
 * A node of a program of one's own, as a process: its state machine may be one that is not
 * deterministic. Publishes what it reads, a line an entry, and says what comes of it.
 */
import { createInterface } from "node:readline";
import { Kibitzer, KibitzerError, type StateMachine } from "../../src/index.ts";
import { Ledger } from "./ledger.ts";

/** What is not the same on all nodes, by its name. */
const slips: Readonly<Record<string, () => string>> = {
  none: () => "",
  clock: () => `${performance.now()}`,
  random: () => `${Math.random()}`,
  // As files in a directory, or keys of what others have filled: no order is promised.
  order: () => Object.keys(process.env).join(),
};

const [directory = "", id = "", contact = "", slip = "none"] = process.argv.slice(2);
const ledger = new Ledger();
const stray = slips[slip] ?? String;
const machine: StateMachine = {
  apply: (entry) => ledger.apply(entry) + stray(),
  snapshot: () => ledger.snapshot(),
  restore: async (pieces) => await ledger.restore(pieces),
};
const node = await Kibitzer.open({
  id,
  directory: `${directory}/${id}`,
  ...(contact === "again" ? {} : { listen: [`unix:${directory}/${id}.socket`] }),
  parliamentSize: 3,
  machine,
});
void node.ended.then((error) => {
  process.stdout.write(`ended ${error?.code ?? "well"} ${error?.message ?? ""}\n`);
  process.exitCode = error === null ? 0 : 8;
  process.stdin.destroy();
});
if (contact === "") await node.bootstrap("wayward");
else if (contact !== "again") await node.join(null, contact);
process.stdout.write(`ready ${node.url}\n`);
for await (const line of createInterface(process.stdin)) {
  try {
    const { index } = await node.publish(line);
    process.stdout.write(`published ${index}\n`);
  } catch (error) {
    const code = error instanceof KibitzerError ? error.code : String(error);
    process.stdout.write(`refused ${code}\n`);
  }
}
await node.close();
