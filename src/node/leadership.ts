/**
 * Notices when this node begins or ceases to lead, when another leader is known, and when another
 * node's state differs; tells the log, the meter, and whoever waits. Decides nothing.
 */
import type { NodeId } from "../../consensus/index.ts";
import { role as roles, tell } from "../diagnostics/channels.ts";
import type { Engine } from "./engine.ts";

export class Leadership {
  readonly #engine: Engine;
  readonly #flush: () => void;
  #role = "stateless";
  #leader: NodeId | null = null;

  /** @param flush Sends what a leader holds back. */
  constructor(engine: Engine, flush: () => void) {
    this.#engine = engine;
    this.#flush = flush;
  }

  /** To be called after each step. */
  look(): void {
    const { meter, state } = this.#engine;
    const { legislator } = state;
    // Who differs may agree again, or be gone, before anybody looks.
    meter.compared(legislator.differing);
    const { role } = legislator;
    if (role !== this.#role) this.#changed(role);
    // Who hears no leader for a while, and then the same one, has seen no change.
    const { leader } = legislator;
    if (leader === null || leader === this.#leader) return;
    if (this.#leader !== null) meter.leaderChanges += 1;
    this.#leader = leader;
  }

  #changed(role: string): void {
    const before = this.#role;
    this.#role = role;
    const { elections } = this.#engine.meter;
    if (before === "candidate") elections.add(role === "leading" ? "won" : "lost");
    const { logger, changed, directory, service } = this.#engine;
    tell(roles, () => ({ node: directory.record.id, role, before }));
    if (role !== "leading" && before !== "leading") return;
    const event = role === "leading" ? "leads" : "follows";
    logger.info({ event, ballot: this.#engine.view().promised }, `role: ${role}`);
    if (role !== "leading") {
      service.release();
      this.#flush();
    }
    changed.ring();
  }
}
