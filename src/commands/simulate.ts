/**
 * `kibitz simulate`: starts the simulator as a program of its own and passes everything through.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { simulatorFile } from "./program-files.ts";

export async function simulate(args: readonly string[]): Promise<number> {
  if (!existsSync(simulatorFile)) {
    throw new CommandError(
      exitCodes.notFound,
      `The simulator is not installed: no ${simulatorFile}.`,
    );
  }
  const child = spawn(process.execPath, [simulatorFile, ...args], { stdio: "inherit" });
  // A terminal interrupts both; the simulator says what it knows, and this waits for it.
  const passOn = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", ignore).on("SIGTERM", passOn);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    process.off("SIGINT", ignore).off("SIGTERM", passOn);
  }
}

function ignore(): void {
  // The simulator hears it too.
}
