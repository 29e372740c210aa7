/**
 * Which stories there are, for fast-check to draw and to shrink: small whole numbers, and commands
 * that can each be left out. Draws nothing by itself.
 */
import fc from "fast-check";
import type { Command, Story } from "./story.ts";

const node: fc.Arbitrary<number> = fc.nat(6);
const aFew: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) },
);
const bytes: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.nat(64) },
  { weight: 1, arbitrary: fc.nat(20_000) },
);
/** Often too short for anything to be answered, sometimes long enough for another leader. */
const ms: fc.Arbitrary<number> = fc.oneof(
  { weight: 2, arbitrary: fc.nat(8) },
  { weight: 2, arbitrary: fc.nat(80) },
  { weight: 1, arbitrary: fc.nat(1500) },
);

function of<Kind extends string>(...kinds: Kind[]): fc.Arbitrary<Kind> {
  return fc.constantFrom(...kinds);
}

/** What clients ask. */
const asking: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: of("publish"), node, count: aFew, bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: of("barrier"), node }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: of("read", "follow"),
      node,
      index: fc.integer({ min: 1, max: 40 }),
    }),
  },
);

/** What becomes of processes and machines. */
const machines: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: of("kill", "unplug"), node }) },
  { weight: 2, arbitrary: fc.record({ kind: of("unplugAll") }) },
  { weight: 1, arbitrary: fc.record({ kind: of("unplugAtAnswer"), node }) },
  { weight: 1, arbitrary: fc.record({ kind: of("unplugAllAtAnswer") }) },
  { weight: 2, arbitrary: fc.record({ kind: of("unplugIn"), node, calls: fc.nat(20) }) },
  { weight: 6, arbitrary: fc.record({ kind: of("start", "startOthers"), node }) },
  { weight: 1, arbitrary: fc.record({ kind: of("stop", "close"), node }) },
  { weight: 2, arbitrary: fc.record({ kind: of("pause", "freezeClocks"), node, ms }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: of("setClock"),
      node,
      stepMs: fc.integer({ min: -86_400_000, max: 86_400_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: of("stall"), node, ms: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: of("fill"), node, bytes: fc.nat(20_000) }) },
);

/** What becomes of links. */
const links: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: of("cut", "part", "sever", "clog"), from: node, to: node }),
  },
  { weight: 2, arbitrary: fc.record({ kind: of("isolate"), node }) },
  { weight: 2, arbitrary: fc.record({ kind: of("heal") }) },
);

/** What operators ask. */
const operators: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: of("join") }) },
  { weight: 1, arbitrary: fc.record({ kind: of("exile"), node, whom: node }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: of("transfer"),
      node,
      to: fc.oneof(fc.constant("anybody" as const), node),
    }),
  },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: asking },
  { weight: 6, arbitrary: fc.record({ kind: of("wait"), ms }) },
  { weight: 4, arbitrary: machines },
  { weight: 2, arbitrary: links },
  { weight: 1, arbitrary: operators },
);

/** Stories of up to `lengthMax` commands. */
export function stories(lengthMax: number): fc.Arbitrary<Story> {
  return fc.record({
    nodes: fc.constantFrom(1, 3, 3, 3, 5),
    chance: fc.nat(99),
    drift: fc.constantFrom(0, 0, 0, 1, 30),
    network: fc.constantFrom("calm", "calm", "slow", "unruly"),
    commands: fc.array(command, { minLength: 1, maxLength: lengthMax, size: "max" }),
  });
}
