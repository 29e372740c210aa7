/**
 * An operator on the worst day, whose command is killed now and then, the machine with it, and who
 * types it again until it ends by itself. Knows nothing of what the command does.
 */
import type { recover } from "../src/refounding/recover.ts";
import { dataDirectory } from "./cluster.ts";
import { demand } from "./core/violation.ts";
import type { SimulatedDisk } from "./disk/disk.ts";
import { asViolation } from "./ended-node.ts";
import type { Prng } from "./prng.ts";
import { second, type Simulator } from "./simulator.ts";
import type { Swarm } from "./swarm/swarm.ts";

type OperatorWorld = NonNullable<Parameters<typeof recover>[0]["world"]>;

/** A machine on which the new republic lives. */
export interface Machine {
  readonly id: string;
  readonly disk: SimulatedDisk;
}

interface InsistParts {
  readonly simulator: Simulator;
  readonly prng: Prng;
  readonly swarm: Swarm;
}

const operatorMax = 60 * second;
const crashesMax = 3;

/** An operator whose command is killed now and then, and who types it again. */
export async function insist(
  { simulator, prng, swarm }: InsistParts,
  { id, disk }: Machine,
  command: (world: OperatorWorld) => Promise<void>,
): Promise<void> {
  const power = swarm.crashes?.power ?? { survival: 0.5, torn: false, garbage: false };
  for (let attempt = 1; ; attempt += 1) {
    const life = simulator.begin(`${id}-operator-${attempt}`);
    const isLast = attempt > crashesMax || prng.chance(0.3);
    let isOver = false;
    if (!isLast) {
      const isTime = drawMoment(disk, prng);
      disk.onOperation = () => {
        if (!isTime()) return;
        disk.onOperation = null;
        isOver = true;
        life.end();
        if (prng.chance(0.5)) disk.losePower(power);
        simulator.trace.fault("K20", `${id}: the operator's command is killed`);
      };
    }
    const chance = prng.fork(`chance ${id} ${attempt}`);
    const work = command({ files: disk.mount(life), clock: life.clock, chance });
    work.then(
      () => (isOver = true),
      (error: unknown) => {
        if (life.alive) simulator.fail(asViolation(id, error));
      },
    );
    const isDone = await simulator.run(simulator.now + operatorMax, () => isOver);
    demand(isDone, "L5", () => `the operator's command on ${id} does not end`);
    disk.onOperation = null;
    if (!life.alive) continue;
    life.end();
    return;
  }
}

/** When the command is killed: anywhere, while the new content is made, or while it moves in. */
function drawMoment({ directories }: SimulatedDisk, prng: Prng): () => boolean {
  const isStaged = (): boolean => directories.hasDirectory(`${dataDirectory}/refounding`);
  const isMoving = (): boolean =>
    isStaged() && !directories.hasDirectory(`${dataDirectory}/journal`);
  const [hasBegun, most] = prng.pick([
    [(): boolean => true, 120],
    [isStaged, 60],
    [isMoving, 12],
    [isMoving, 12],
  ] as const);
  let left = prng.integer(1, most);
  // It goes on to its end once it has begun, whatever it looks like then.
  let isOn = false;
  return () => {
    isOn ||= hasBegun();
    if (isOn) left -= 1;
    return left === 0;
  };
}
