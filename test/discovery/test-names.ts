/** A name service in memory, whose names come and go. */
import type { NameResolver } from "../../src/world.ts";

type Services = Awaited<ReturnType<NameResolver["services"]>>;

export class TestNames implements NameResolver {
  readonly hosts = new Map<string, readonly string[]>();
  readonly known = new Map<string, Services>();
  isSilent = false;
  asked = 0;

  async addresses(host: string): Promise<readonly string[]> {
    return await this.#look(this.hosts, host);
  }

  async services(name: string): Promise<Services> {
    return await this.#look(this.known, name);
  }

  async #look<Found>(names: ReadonlyMap<string, Found>, name: string): Promise<Found> {
    this.asked += 1;
    if (this.isSilent) return await new Promise<Found>(() => undefined);
    const found = names.get(name);
    if (found !== undefined) return found;
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND" });
  }
}
