/**
 * Parts of a node that are made for one engine, and what each may ask of it. Holds nothing, and
 * decides nothing.
 */
import { asKibitzerError } from "../as-kibitzer-error.ts";
import type { IslanderInput, IslanderOutcome } from "../../consensus/index.ts";
import type { Engine } from "./engine.ts";
import { brokenNode } from "./halt-error.ts";
import { MachineDesk } from "../machine/machine-desk.ts";
import { Publishing } from "../publishing/publishing.ts";
import { resultsIn, resultOf } from "../publishing/submission-result.ts";
import { Service } from "./service.ts";

export function makeService(engine: Engine): Service {
  const { bodies, reader, peers, logger, machine } = engine;
  return new Service({
    logger,
    clock: engine.configuration.world.clock,
    bodies,
    reader,
    machine,
    peers,
    legislator: engine.state.legislator,
    play: (request, answered) => engine.play(request, answered),
    hello: () => engine.hello(),
    identity: () => engine.identity,
    contacts: () => engine.contacts(),
    changed: engine.changed,
    status: async (signal) => await engine.status(signal),
    report: () => engine.report(),
  });
}

export function makePublishing(
  engine: Engine,
  play: (input: IslanderInput) => IslanderOutcome,
): Publishing {
  const { clock, chance } = engine.configuration.world;
  const { service } = engine;
  const { signal } = engine.over;
  return new Publishing({
    clock,
    chance,
    play,
    submit: async ({ batch }, body, told) => {
      const response = await service.enqueue({ method: "enqueue", batch, body, hops: 0 }, signal);
      told(resultsIn(response));
      return resultOf(response);
    },
    register: async (nonce) =>
      resultOf(await service.register({ method: "register", nonce, hops: 0 }, signal)),
    broken: (error) => engine.fail(brokenNode(error)),
  });
}

export function makeMachineDesk(engine: Engine): MachineDesk {
  const { reader, over, configuration } = engine;
  return new MachineDesk({
    clock: configuration.world.clock,
    reader,
    over: over.signal,
    parts: null,
    isLeading: () => engine.state.legislator.role === "leading",
    publish: async (entry) => await engine.publishing.publish(entry),
    marked: (slot, hash) => engine.play({ kind: "applied", slot, hash }),
    failed: (error) => engine.fail(asKibitzerError(error)),
  });
}
