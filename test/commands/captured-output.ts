/** An Output whose streams are kept in memory, for tests of what commands print. */
import { Writable } from "node:stream";
import { Output } from "../../src/commands/output.ts";

export interface Captured {
  readonly output: Output;
  /** All that was printed to stdout so far. */
  stdout(): Promise<string>;
  stderr(): string;
}

export function captureOutput(): Captured {
  const printed: Buffer[] = [];
  const told: Buffer[] = [];
  const output = new Output({ stdout: into(printed), stderr: into(told) });
  return {
    output,
    async stdout(): Promise<string> {
      await output.flush();
      return Buffer.concat(printed).toString("latin1");
    },
    stderr: () => Buffer.concat(told).toString(),
  };
}

function into(chunks: Buffer[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done): void {
      chunks.push(chunk);
      done();
    },
  });
}
