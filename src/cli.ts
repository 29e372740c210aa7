#!/usr/bin/env node
/** The `kibitz` command: hands the arguments over and ends with the code it gets. No logic. */
import { main } from "./commands/main.ts";

await main(process.argv.slice(2));
