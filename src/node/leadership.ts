/**
 * Notices when this node begins or ceases to lead, and when another leader is known; tells the log,
 * the meter, and whoever waits. Decides nothing.
 */
import type { NodeId } from "../../consensus/index.ts";
import type { Engine } from "./engine.ts";

export class Leadership {
  readonly #engine: Engine;
  /** What a node that leads does no more once it follows. */
  readonly #ceased: () => void;
  #role = "stateless";
  #leader: NodeId | null = null;

  constructor(engine: Engine, ceased: () => void) {
    this.#engine = engine;
    this.#ceased = ceased;
  }

  /** To be called after each step. */
  look(): void {
    const { legislator } = this.#engine.state;
    const { role } = legislator;
    if (role !== this.#role) this.#changed(role);
    // Who hears no leader for a while, and then the same one, has seen no change.
    const { leader } = legislator;
    if (leader === null || leader === this.#leader) return;
    if (this.#leader !== null) this.#engine.meter.leaderChanges += 1;
    this.#leader = leader;
  }

  #changed(role: string): void {
    const before = this.#role;
    this.#role = role;
    const { elections } = this.#engine.meter;
    if (before === "candidate") elections.add(role === "leading" ? "won" : "lost");
    if (role !== "leading" && before !== "leading") return;
    const { logger, changed } = this.#engine;
    const event = role === "leading" ? "leads" : "follows";
    logger.info({ event, ballot: this.#engine.view().promised }, `role: ${role}`);
    if (role !== "leading") this.#ceased();
    changed.ring();
  }
}
