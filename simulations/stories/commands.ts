/**
 * What each command does to the stage, and what is told of it afterwards. Waits for nothing but
 * `wait`, so that commands overlap; what has no use then, as killing what is down, does nothing.
 */
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { Kibitzer } from "../../src/kibitzer.ts";
import type { Submission } from "../checkers/durability.ts";
import type { SimulatedNode } from "../cluster.ts";
import { demand } from "../core/violation.ts";
import { calmDisk } from "../disk/disk.ts";
import type { PowerLoss } from "../disk/simulated-file.ts";
import { millisecond, second } from "../simulator.ts";
import type { Cast } from "./cast.ts";
import type { Command, Successor } from "./story.ts";

/** Says what became of a command; asked as late as possible. */
export type Telling = () => string;

/** Half of the sectors that were not synced are lost, each whole or not at all. */
const power: PowerLoss = { survival: 0.5, torn: false, garbage: false };
/** How long an operator waits for an answer. */
const operatorMicros = 3 * second;

const done: Telling = () => "";
const nothing: Telling = () => "nothing to do";

// oxlint-disable-next-line complexity -- one line a kind of command.
export async function carryOut(cast: Cast, command: Command): Promise<Telling> {
  const { simulator, clients } = cast.stage;
  switch (command.kind) {
    case "publish":
      return publish(cast, command);
    case "barrier":
      return clients.barrier(cast.at(command.node)) ? done : nothing;
    case "read":
      return clients.read(cast.at(command.node), command.index) ? done : nothing;
    case "follow":
      return clients.follow(cast.at(command.node), command.index) ? done : nothing;
    case "wait":
      await simulator.run(simulator.now + command.ms * millisecond);
      return done;
    case "kill":
    case "unplug":
      return crash(cast, [cast.at(command.node)], command.kind === "kill" ? null : power);
    case "unplugAll":
      return crash(cast, cast.started, power);
    case "unplugAtAnswer":
      return unplugAtAnswer(cast, [cast.at(command.node)]);
    case "unplugAllAtAnswer":
      return unplugAtAnswer(cast, cast.started);
    case "unplugIn":
      return unplugIn(cast, cast.at(command.node), command.calls);
    case "start":
      return start(cast, [cast.at(command.node)]);
    case "startOthers":
      return start(
        cast,
        cast.started.filter((node) => node !== cast.at(command.node)),
      );
    case "stop":
    case "close":
      return close(cast, cast.at(command.node), command.kind);
    case "pause":
      return pause(cast, cast.at(command.node), command.ms * millisecond);
    case "cut":
    case "part":
    case "sever":
    case "clog":
      return separate(cast, command);
    case "isolate":
      return isolate(cast, cast.at(command.node));
    case "heal":
      cast.heal();
      return done;
    case "join":
      return join(cast);
    case "exile":
      return exile(cast, cast.at(command.node), cast.at(command.whom));
    case "transfer":
      return transfer(cast, cast.at(command.node), command.to);
    case "setClock":
      return setClock(cast, command);
    case "freezeClocks":
      return freezeClocks(cast, command);
    case "stall":
      return stall(cast, cast.at(command.node), command.ms * millisecond);
    case "fill":
      return fill(cast.at(command.node), command.bytes);
  }
}

function pause(cast: Cast, { life, id }: SimulatedNode, micros: number): Telling {
  if (life === null) return nothing;
  cast.stage.simulator.trace.fault("X3", `pause ${id} ${micros}`);
  life.pause(micros);
  return done;
}

function stall({ stage }: Cast, { id, disk }: SimulatedNode, micros: number): Telling {
  disk.faults = { ...calmDisk, syncMicros: { min: micros, max: micros } };
  stage.simulator.trace.fault("K19", id);
  return done;
}

function fill({ disk }: SimulatedNode, bytes: number): Telling {
  disk.capacity = disk.bytesUsed() + bytes;
  return done;
}

function publish(cast: Cast, { node, count, bytes }: Command & { kind: "publish" }): Telling {
  const submissions: Submission[] = [];
  for (let number = 0; number < count; number += 1) {
    const submission = cast.stage.clients.publish(cast.at(node), bytes);
    if (submission === null) return () => "nobody is there to publish";
    submissions.push(submission);
  }
  return () => {
    const indexes = submissions.flatMap(({ index }) => (index === null ? [] : [index]));
    if (indexes.length === count) {
      const [first, last] = [indexes[0], indexes.at(-1)];
      return first === last ? `acknowledged at index ${first}` : `acknowledged at ${first}…${last}`;
    }
    const outcomes = new Set(submissions.map(({ outcome }) => outcome));
    return `${indexes.length} of ${count} acknowledged; ${[...outcomes].join(", ")}`;
  };
}

function crash({ stage }: Cast, nodes: readonly SimulatedNode[], how: PowerLoss | null): Telling {
  const up = nodes.filter(({ life }) => life !== null);
  for (const node of up) stage.cluster.crash(node, how);
  return up.length === 0 ? nothing : () => `down: ${up.map(({ id }) => id).join(" ")}`;
}

function start({ stage }: Cast, nodes: readonly SimulatedNode[]): Telling {
  const down = nodes.filter(({ life }) => life === null);
  for (const node of down) stage.cluster.start(node);
  return down.length === 0 ? nothing : () => `back: ${down.map(({ id }) => id).join(" ")}`;
}

function unplugAtAnswer(cast: Cast, nodes: readonly SimulatedNode[]): Telling {
  let what = nothing;
  cast.atAnswer(() => {
    what = crash(cast, nodes, power);
  });
  return () => what();
}

function unplugIn({ stage }: Cast, node: SimulatedNode, calls: number): Telling {
  if (node.life === null) return nothing;
  const { disk } = node;
  const last = disk.operations + calls;
  let isDown = false;
  disk.onOperation = (number) => {
    if (number <= last) return;
    disk.onOperation = null;
    isDown = true;
    stage.simulator.trace.fault("K20", `crash ${node.id} at its call ${number}`);
    stage.cluster.crash(node, power);
  };
  return () => (isDown ? "it went down so" : "it never came so far");
}

function close({ stage }: Cast, node: SimulatedNode, how: "stop" | "close"): Telling {
  const { life, kibitzer } = node;
  if (life === null || kibitzer === null) return nothing;
  stage.cluster.closeUnderLoad(node, how);
  return () => (life.alive ? "still closing" : "closed");
}

function separate(
  cast: Cast,
  { kind, from, to }: Command & { kind: "cut" | "part" | "sever" | "clog" },
): Telling {
  const { network } = cast.stage.cluster;
  const [one, other] = [cast.at(from).id, cast.at(to).id];
  if (one === other) return nothing;
  if (kind === "sever") {
    network.sever(one, other);
    return done;
  }
  const how = kind === "clog" ? "hold" : "drop";
  network.cut(one, other, how);
  if (kind !== "cut") network.cut(other, one, how);
  return done;
}

function isolate({ stage, started }: Cast, { id }: SimulatedNode): Telling {
  const { network } = stage.cluster;
  for (const other of started) {
    if (other.id === id) continue;
    network.cut(id, other.id, "drop");
    network.cut(other.id, id, "drop");
  }
  return done;
}

function join({ stage }: Cast): Telling {
  const node = stage.cluster.letIn();
  if (node === null) return () => "no further node";
  return () => (node.wasReady ? `${node.id} is a member` : `${node.id} is on its way`);
}

/** Asks as an operator does, for a while; what it answers is told later. */
function ask(
  { stage, operators }: Cast,
  { kibitzer, life }: SimulatedNode,
  work: (kibitzer: Kibitzer, signal: AbortSignal) => Promise<string>,
): Telling {
  const { simulator } = stage;
  if (kibitzer === null || life === null) return () => "nobody is there to ask";
  const controller = new AbortController();
  operators.add(controller);
  const timer = simulator.after(operatorMicros, () => controller.abort());
  let answer = "no answer";
  const refused = (error: unknown): void => {
    if (!life.alive) return;
    demand(error instanceof KibitzerError, "C7", () => `an operator is told ${String(error)}`);
    answer = error.code;
  };
  work(kibitzer, controller.signal)
    .then((text) => (answer = text), refused)
    .catch((error: unknown) => simulator.fail(error))
    .finally(() => {
      timer.cancel();
      operators.delete(controller);
    });
  return () => answer;
}

function exile(cast: Cast, node: SimulatedNode, whom: SimulatedNode): Telling {
  if (whom.isReplaced) return nothing;
  return ask(cast, node, async (kibitzer, signal) => {
    const exiling = cast.exiling(whom);
    await kibitzer.exile(whom.id, { signal }).catch((error: unknown) => {
      if (error instanceof KibitzerError && error.outcome === "none") exiling.refused();
      throw error;
    });
    exiling.done();
    return `${whom.id} is exiled`;
  });
}

function transfer(cast: Cast, node: SimulatedNode, to: Successor): Telling {
  const { trace } = cast.stage.simulator;
  const whom = to === "anybody" ? null : cast.at(to).id;
  trace.fault("O12", `transfer to ${whom ?? "anybody"} at ${node.id}`);
  return ask(cast, node, async (kibitzer, signal) => {
    const { leader } = await kibitzer.transfer(whom, { signal });
    return `${leader} leads`;
  });
}

function setClock(cast: Cast, { node, stepMs }: Command & { kind: "setClock" }): Telling {
  const { life, id } = cast.at(node);
  if (life === null) return nothing;
  cast.stage.simulator.trace.fault("T3", `${id} by ${stepMs} ms`);
  life.stepWall(stepMs);
  return done;
}

function freezeClocks(cast: Cast, { node, ms }: Command & { kind: "freezeClocks" }): Telling {
  const { life, id } = cast.at(node);
  if (life === null) return nothing;
  cast.stage.simulator.trace.fault("T5", `${id} for ${ms} ms`);
  life.freezeClocks(ms * millisecond);
  return done;
}
