/** A directory of a test's own, with what it writes there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

export class Scratch {
  readonly path: string;

  constructor(context: TestContext) {
    this.path = mkdtempSync(join(tmpdir(), "kibitz-config-"));
    context.after(() => rmSync(this.path, { recursive: true }));
  }

  /** Returns the path of the file. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }
}
