/** Nodes of one republic in this process, each on its own directory, for tests of seats. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kibitzer, type KibitzerOptions } from "../../src/index.ts";
import { eventually } from "../processes/kit.ts";

/** The lock belongs to the process, and is no part of a copy. */
function isNoLock(path: string): boolean {
  return !path.endsWith("/lock");
}

type Options = Pick<KibitzerOptions, "replaceAfterMs">;

export class SeatedRepublic implements AsyncDisposable {
  readonly nodes: Set<Kibitzer> = new Set();
  readonly #options: Options;
  readonly #directory = mkdtempSync(join(tmpdir(), "kibitz-seats-"));
  readonly #members = new Map<string, Kibitzer>();
  readonly #directories = new Map<string, string>();
  #disks = 0;

  private constructor(options: Options) {
    this.#options = options;
  }

  /** All of `ids` have a seat; the first has founded it. */
  static async of(ids: readonly string[], options: Options = {}): Promise<SeatedRepublic> {
    const republic = new SeatedRepublic(options);
    for (const id of ids) {
      const [first] = republic.#members.values();
      const node = await republic.open(id);
      republic.#members.set(id, node);
      if (first === undefined) await node.bootstrap("seats");
      else await node.join("seats", first.url);
    }
    const [first] = republic.#members.values();
    await eventually("all seats", async () => {
      const { government } = (await first?.status()) ?? { government: null };
      return government?.parliament.length === ids.length ? true : null;
    });
    return republic;
  }

  /** A node with an empty directory, in no republic. */
  async open(id: string): Promise<Kibitzer> {
    this.#disks += 1;
    const directory = join(this.#directory, `${id}-${this.#disks}`);
    this.#directories.set(id, directory);
    return await this.#open(id, directory, [`unix:${directory}.socket`]);
  }

  /** The same, waiting to be invited. */
  async guest(id: string): Promise<Kibitzer> {
    const node = await this.open(id);
    node.awaitInvitation().catch(() => undefined);
    return node;
  }

  async #open(
    id: string,
    directory: string,
    listen: readonly string[] | undefined,
    moved: KibitzerOptions["moved"] = false,
  ): Promise<Kibitzer> {
    const node = await Kibitzer.open({
      id,
      directory,
      ...(listen === undefined ? {} : { listen }),
      moved,
      record: false,
      timing: { pingMs: 15, silenceMs: 300, stallMs: 2000 },
      ...this.#options,
    });
    this.nodes.add(node);
    return node;
  }

  /** On the directory that it had last, at another endpoint if one is given. */
  async reopen(id: string, listen?: readonly string[]): Promise<Kibitzer> {
    const node = await this.#open(id, this.#directories.get(id) ?? "", listen);
    this.#members.set(id, node);
    return node;
  }

  /** Where it is once it has moved. */
  placeOf(id: string): string {
    return `unix:${this.#directories.get(id) ?? ""}.moved`;
  }

  /** The directory that it had last is started at another endpoint, as one that has moved. */
  async move(id: string, told: KibitzerOptions["moved"] = true): Promise<Kibitzer> {
    const directory = this.#directories.get(id) ?? "";
    const node = await this.#open(id, directory, [this.placeOf(id)], told);
    this.#members.set(id, node);
    return node;
  }

  /** Copies the directory of a node as it is now; tells where to. */
  copy(id: string): string {
    const directory = this.#directories.get(id) ?? "";
    const copied = `${directory}-copy`;
    cpSync(directory, copied, { recursive: true, filter: isNoLock });
    return copied;
  }

  /** Starts a copy beside its original. */
  async openCopy(
    id: string,
    copied: string,
    moved: KibitzerOptions["moved"] = false,
  ): Promise<Kibitzer> {
    return await this.#open(id, copied, [`unix:${copied}.socket`], moved);
  }

  node(id: string): Kibitzer {
    const node = this.#members.get(id);
    assert.ok(node !== undefined, id);
    return node;
  }

  /** Stops a node without a word. */
  async lose(id: string): Promise<void> {
    await this.node(id).close();
    this.#members.delete(id);
  }

  async leader(): Promise<string> {
    const [node] = this.#members.values();
    assert.ok(node !== undefined);
    return await eventually("a leader", async () => (await node.status()).government.leader);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.nodes].map(async (node) => await node.close()));
    rmSync(this.#directory, { recursive: true });
  }
}
