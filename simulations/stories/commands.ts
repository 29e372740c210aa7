/**
 * What each command does to the stage, and what is told of it afterwards. Waits for nothing but
 * `wait`, so that commands overlap; what has no use then, as killing what is down, does nothing.
 */
import { KibitzerError } from "../../src/kibitzer-error.ts";
import type { Kibitzer } from "../../src/kibitzer.ts";
import type { Submission } from "../checkers/durability.ts";
import type { SimulatedNode } from "../cluster.ts";
import { demand, Violation } from "../core/violation.ts";
import { calmDisk } from "../disk.ts";
import type { PowerLoss } from "../simulated-file.ts";
import { millisecond, second } from "../simulator.ts";
import type { Stage } from "./stage.ts";
import type { Command, Story, Successor } from "./story.ts";

/** Says what became of a command; asked as late as possible. */
export type Telling = () => string;

/** Half of the sectors that were not synced are lost, each whole or not at all. */
const power: PowerLoss = { survival: 0.5, torn: false, garbage: false };
/** L10: how long a node may take to close, whatever happens meanwhile. */
const closeMax = 60 * second;
/** How long an operator waits for an answer. */
export const operatorMicros: number = 3 * second;

const done: Telling = () => "";
const nothing: Telling = () => "nothing to do";

// oxlint-disable-next-line complexity -- one line a kind of command.
export async function carryOut(stage: Stage, story: Story, command: Command): Promise<Telling> {
  const { simulator, clients } = stage;
  switch (command.kind) {
    case "publish":
      return publish(stage, command);
    case "barrier":
      return clients.barrier(stage.at(command.node)) ? done : nothing;
    case "read":
      return clients.read(stage.at(command.node), command.index) ? done : nothing;
    case "follow":
      return clients.follow(stage.at(command.node), command.index) ? done : nothing;
    case "wait":
      await simulator.run(simulator.now + command.ms * millisecond);
      return done;
    case "kill":
    case "unplug":
      return crash(stage, [stage.at(command.node)], command.kind === "kill" ? null : power);
    case "unplugAll":
      return crash(stage, stage.started, power);
    case "unplugAtAnswer":
      return unplugAtAnswer(stage, [stage.at(command.node)]);
    case "unplugAllAtAnswer":
      return unplugAtAnswer(stage, stage.started);
    case "unplugIn":
      return unplugIn(stage, stage.at(command.node), command.calls);
    case "start":
      return start(stage, [stage.at(command.node)]);
    case "startOthers":
      return start(
        stage,
        stage.expected.filter((node) => node !== stage.at(command.node)),
      );
    case "stop":
    case "close":
      return close(stage, stage.at(command.node), command.kind);
    case "pause":
      return pause(stage.at(command.node), command.ms * millisecond);
    case "cut":
    case "part":
    case "sever":
    case "clog":
      return separate(stage, command);
    case "isolate":
      return isolate(stage, stage.at(command.node));
    case "heal":
      stage.heal(story.network);
      return done;
    case "join":
      return join(stage);
    case "exile":
      return exile(stage, stage.at(command.node), stage.at(command.whom));
    case "transfer":
      return transfer(stage, stage.at(command.node), command.to);
    case "clock":
      return setClock(stage, command);
    case "stall":
      return stall(stage, stage.at(command.node), command.ms * millisecond);
    case "fill":
      return fill(stage.at(command.node), command.bytes);
  }
}

function pause({ life }: SimulatedNode, micros: number): Telling {
  life?.pause(micros);
  return life === null ? nothing : done;
}

function stall({ simulator }: Stage, { id, disk }: SimulatedNode, micros: number): Telling {
  disk.faults = { ...calmDisk, syncMicros: { min: micros, max: micros } };
  simulator.trace.fault("K19", id);
  return done;
}

function fill({ disk }: SimulatedNode, bytes: number): Telling {
  disk.capacity = disk.bytesUsed() + bytes;
  return done;
}

function publish(stage: Stage, { node, count, bytes }: Command & { kind: "publish" }): Telling {
  const submissions: Submission[] = [];
  for (let number = 0; number < count; number += 1) {
    const submission = stage.clients.publish(stage.at(node), bytes);
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

function crash(stage: Stage, nodes: readonly SimulatedNode[], how: PowerLoss | null): Telling {
  const up = nodes.filter(({ life }) => life !== null);
  for (const node of up) stage.cluster.crash(node, how);
  return up.length === 0 ? nothing : () => `down: ${up.map(({ id }) => id).join(" ")}`;
}

function start({ cluster }: Stage, nodes: readonly SimulatedNode[]): Telling {
  const down = nodes.filter(({ life }) => life === null);
  for (const node of down) cluster.start(node);
  return down.length === 0 ? nothing : () => `back: ${down.map(({ id }) => id).join(" ")}`;
}

function unplugAtAnswer(stage: Stage, nodes: readonly SimulatedNode[]): Telling {
  let what = nothing;
  stage.atAnswer.push(() => {
    what = crash(stage, nodes, power);
  });
  return () => what();
}

function unplugIn(stage: Stage, node: SimulatedNode, calls: number): Telling {
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

function close(stage: Stage, node: SimulatedNode, how: "stop" | "close"): Telling {
  const { simulator, cluster } = stage;
  const { life, kibitzer } = node;
  if (life === null || kibitzer === null) return nothing;
  simulator.trace.fault("X13", `close ${node.id}`);
  cluster.close(node, how).catch((error: unknown) => simulator.fail(error));
  simulator.after(closeMax, () => {
    if (!life.alive || node.life !== life) return;
    simulator.fail(new Violation("L10", `node ${node.id} does not close`));
  });
  return () => (life.alive ? "still closing" : "closed");
}

function separate(
  stage: Stage,
  { kind, from, to }: Command & { kind: "cut" | "part" | "sever" | "clog" },
): Telling {
  const { network } = stage.cluster;
  const [one, other] = [stage.at(from).id, stage.at(to).id];
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

function isolate({ cluster, started }: Stage, { id }: SimulatedNode): Telling {
  for (const other of started) {
    if (other.id === id) continue;
    cluster.network.cut(id, other.id, "drop");
    cluster.network.cut(other.id, id, "drop");
  }
  return done;
}

function join(stage: Stage): Telling {
  const node = stage.join();
  if (node === null) return () => "no further node";
  return () => (stage.isAdmitted(node) ? `${node.id} is a member` : `${node.id} is on its way`);
}

/** Asks as an operator does, for a while; what it answers is told later. */
function ask(
  stage: Stage,
  { kibitzer, life }: SimulatedNode,
  work: (kibitzer: Kibitzer, signal: AbortSignal) => Promise<string>,
): Telling {
  const { simulator } = stage;
  if (kibitzer === null || life === null) return () => "nobody is there to ask";
  const controller = new AbortController();
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
    .finally(() => timer.cancel());
  return () => answer;
}

function exile(stage: Stage, node: SimulatedNode, whom: SimulatedNode): Telling {
  if (stage.gone.has(whom)) return nothing;
  return ask(stage, node, async (kibitzer, signal) => {
    stage.cluster.exiled.add(whom.id);
    stage.doubt(whom, 1);
    await kibitzer.exile(whom.id, { signal }).catch((error: unknown) => {
      if (error instanceof KibitzerError && error.outcome === "none") stage.doubt(whom, -1);
      throw error;
    });
    stage.gone.add(whom);
    return `${whom.id} is exiled`;
  });
}

function transfer(stage: Stage, node: SimulatedNode, to: Successor): Telling {
  return ask(stage, node, async (kibitzer, signal) => {
    const { leader } = await kibitzer.transfer(to === "anybody" ? null : stage.at(to).id, {
      signal,
    });
    return `${leader} leads`;
  });
}

function setClock(stage: Stage, { node, percent, stepMs }: Command & { kind: "clock" }): Telling {
  const { life, id } = stage.at(node);
  if (life === null) return nothing;
  stage.simulator.trace.fault("T3", `${id} ${percent} % ${stepMs} ms`);
  life.setClock(percent / 100, stepMs);
  return done;
}
