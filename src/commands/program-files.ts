/** Programs that this one starts: the sources, when it runs from them, or what is built of them. */
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.resolve("kibitzer/package.json")));
const isSource = extname(import.meta.filename) === ".ts";

/** The `kibitz` command. */
export const commandFile: string = join(root, isSource ? "src/cli.ts" : "dist/kibitz/cli.js");

/** The simulator, which an application may have left out. */
export const simulatorFile: string = join(
  root,
  isSource ? "simulations/simulate.ts" : "dist/simulations/simulate.js",
);
