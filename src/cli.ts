#!/usr/bin/env node
/** The `kibitz` command: checks the version of Node before it loads anything that needs it. */
import { nodeTooOld } from "./commands/node-version.ts";

const refusal = nodeTooOld(process.version);
if (refusal === null) {
  const { main } = await import("./commands/main.ts");
  await main(process.argv.slice(2));
} else {
  process.stderr.write(`${refusal}\n`);
  process.exitCode = 1;
}
