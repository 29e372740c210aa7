/**
 * Looks peers' endpoints up, anew each time, since addresses change. Tells what could not be looked
 * up yet from what holds nobody: neither means that nobody is there. Calls no peer.
 */
import { TextDecoder } from "node:util";
import { pause } from "../pause.ts";
import type { World } from "../world.ts";
import { parsePeerSource, type PeerSource } from "./peer-source.ts";

export interface FoundPeers {
  /** Each once, in the order of their sources. */
  readonly urls: readonly string[];
  /** Which sources could not be looked up, and why. */
  readonly unresolved: readonly { readonly source: string; readonly reason: string }[];
}

/** Of one look-up; more than any republic has members. */
const urlsMax = 128;
const fileBytesMax = 65_536;
const lookUpMs = 5_000;

type Seams = Pick<World, "clock" | "files" | "names">;

export class PeerDiscovery {
  readonly #sources: ReadonlyMap<string, PeerSource>;
  readonly #world: Seams;
  /** One at a time of each, since what hangs cannot be given up. */
  readonly #underWay = new Map<string, Promise<readonly string[]>>();

  /** @throws {KibitzerError} `KBZ_ENDPOINT` for what is no source. */
  constructor(sources: readonly string[], world: Seams) {
    this.#sources = new Map(sources.map((source) => [source, parsePeerSource(source)]));
    this.#world = world;
  }

  /** What needs no looking up. */
  get fixed(): readonly string[] {
    const sources = [...this.#sources.values()];
    return sources.flatMap((source) => (source.kind === "endpoint" ? [source.url] : []));
  }

  get isFixed(): boolean {
    return this.fixed.length === this.#sources.size;
  }

  async find(signal: AbortSignal): Promise<FoundPeers> {
    const all = await Promise.all(
      [...this.#sources].map(async ([text, source]) => await this.#look(text, source, signal)),
    );
    const urls = [...new Set(all.flatMap((found) => found.urls))].slice(0, urlsMax);
    return { urls, unresolved: all.flatMap((found) => found.unresolved) };
  }

  async #look(text: string, source: PeerSource, signal: AbortSignal): Promise<FoundPeers> {
    if (source.kind === "endpoint") return { urls: [source.url], unresolved: [] };
    try {
      const urls = await this.#inTime(text, source, signal);
      const unresolved = urls.length > 0 ? [] : [{ source: text, reason: "it names nobody" }];
      return { urls, unresolved };
    } catch (error) {
      return { urls: [], unresolved: [{ source: text, reason: reasonOf(error) }] };
    }
  }

  async #inTime(text: string, source: PeerSource, signal: AbortSignal): Promise<readonly string[]> {
    const done = new AbortController();
    const late = pause(this.#world.clock, lookUpMs, AbortSignal.any([signal, done.signal]));
    try {
      return await Promise.race([
        this.#once(text, source),
        late.then(() => Promise.reject(new Error("no answer yet"))),
      ]);
    } finally {
      done.abort();
    }
  }

  #once(text: string, source: PeerSource): Promise<readonly string[]> {
    const known = this.#underWay.get(text);
    if (known !== undefined) return known;
    const looking = this.#urlsOf(source).finally(() => this.#underWay.delete(text));
    this.#underWay.set(text, looking);
    return looking;
  }

  async #urlsOf(source: PeerSource): Promise<readonly string[]> {
    const { names } = this.#world;
    if (source.kind === "endpoint") return [source.url];
    if (source.kind === "file") return await this.#urlsIn(source.path);
    if (names === undefined) throw new Error("this world has no names");
    if (source.kind === "addresses") {
      const addresses = await names.addresses(source.host);
      return addresses.map((address) => source.at(address));
    }
    const services = await names.services(source.name);
    return services.map(({ host, port }) => source.at(host, port));
  }

  async #urlsIn(path: string): Promise<readonly string[]> {
    const lines = (await this.#read(path)).split(/[\r\n]+/).map((line) => line.trim());
    const sources = lines.filter((line) => line !== "" && !line.startsWith("#"));
    const found = await Promise.all(
      sources.slice(0, urlsMax).map(async (text) => {
        const source = parsePeerSource(text);
        if (source.kind === "file") throw new Error(`${text} stands in a file itself`);
        return await this.#urlsOf(source);
      }),
    );
    return found.flat();
  }

  async #read(path: string): Promise<string> {
    const file = await this.#world.files.open(path, "read");
    try {
      const bytes = new Uint8Array(fileBytesMax + 1);
      const length = await file.read(bytes, 0);
      if (length > fileBytesMax) throw new Error(`it has more than ${fileBytesMax} bytes`);
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
    } finally {
      await file.close();
    }
  }
}

/** For an error message: what was looked for and not found. */
export function unresolvedText({ unresolved }: Pick<FoundPeers, "unresolved">): string {
  return unresolved.map(({ source, reason }) => `${source} (${reason})`).join(", ");
}

/** The system's code says more than its sentence, which repeats the name. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" && !error.code.startsWith("KBZ_")
    ? error.code
    : error.message;
}
