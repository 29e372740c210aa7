/**
 * A store that guards itself: beside each value it keeps the largest fence that it has seen, and
 * takes nothing under a smaller one. The statements are those of PostgreSQL, too.
 */
import { DatabaseSync } from "node:sqlite";

export class StaleFence extends Error {}

export class FencedStore {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 30_000 });
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, fence INTEGER, value TEXT)`);
  }

  /**
   * What stands there, for a holder of `fence`. Reading shows the fence, too: from here on nobody
   * who came before can change what was read.
   */
  read(name: string, fence: number): string | null {
    const shown = this.#database.prepare(`
      INSERT INTO things (name, fence) VALUES (?, ?)
      ON CONFLICT (name) DO UPDATE SET fence = excluded.fence WHERE excluded.fence >= things.fence
      RETURNING value`);
    return text(shown.get(name, fence), fence);
  }

  /** @throws {StaleFence} when somebody came later. */
  write(name: string, fence: number, value: string): void {
    const written = this.#database.prepare(`
      INSERT INTO things (name, fence, value) VALUES (?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET fence = excluded.fence, value = excluded.value
        WHERE excluded.fence >= things.fence
      RETURNING value`);
    text(written.get(name, fence, value), fence);
  }
}

function text(row: Record<string, unknown> | undefined, fence: number): string | null {
  if (row === undefined) throw new StaleFence(`fence ${fence} is stale: somebody came later`);
  return typeof row["value"] === "string" ? row["value"] : null;
}
