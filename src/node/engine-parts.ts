/**
 * Parts of a node that are made for one engine, and what each may ask of it. Holds nothing, and
 * decides nothing.
 */
import { asKibitzerError } from "../as-kibitzer-error.ts";
import { checkExposure, warnIfOpen } from "../access/exposure.ts";
import type { Configuration } from "../configuration.ts";
import type { ConsensusState } from "../consensus-state.ts";
import type { Engine } from "./engine.ts";
import type { Vestibule } from "../health/vestibule.ts";
import type { KibitzerError } from "../kibitzer-error.ts";
import type { LogReader } from "./log-reader.ts";
import { MachineDesk } from "../machine/machine-desk.ts";
import type { Meter } from "../metrics/meter.ts";
import type { EnvelopeRecorder } from "../recording/envelope-recorder.ts";
import { answerRepair } from "../repair/repair-answer.ts";
import { Service } from "./service.ts";
import type { Bodies } from "../storage/bodies.ts";
import type { DataDirectory } from "../storage/directory.ts";

export interface EngineParts {
  readonly configuration: Configuration;
  readonly directory: DataDirectory;
  readonly reader: LogReader;
  readonly bodies: Bodies;
  readonly meter: Meter;
  readonly vestibule: Vestibule;
  readonly state: ConsensusState;
  readonly recorder: EnvelopeRecorder | null;
  readonly failed: (error: KibitzerError) => void;
}

export function makeService(engine: Engine): Service {
  const { bodies, reader, peers, logger, machine } = engine;
  return new Service({
    logger,
    meter: engine.meter,
    clock: engine.configuration.world.clock,
    bodies,
    reader,
    machine,
    peers,
    legislator: engine.state.legislator,
    play: (request, answered) => engine.play(request, answered),
    hello: () => engine.hello(),
    identity: () => engine.identity,
    invitations: engine.invitations,
    contacts: () => engine.contacts(),
    met: (node) => engine.whereabouts.met(node),
    changed: engine.changed,
    snapshot: async (...range) => await engine.snapshots.snapshots.read(...range),
    repair: async (request) => await answerRepair(engine.journal, request),
    status: async (signal) => await engine.status(signal),
    report: () => engine.report(),
  });
}

/** @throws {KibitzerError} `KBZ_FORBIDDEN` when nothing protects where this node is to listen. */
export function checkListeners(
  { access, allowInsecure, logger }: Configuration,
  directory: DataDirectory,
): void {
  const { listen } = directory.record;
  checkExposure(listen, { hasTokens: access.hasTokens, allowInsecure });
  warnIfOpen(listen, access.isOpen, logger);
}

export function makeMachineDesk(engine: Engine): MachineDesk {
  const { reader, over, configuration } = engine;
  return new MachineDesk({
    clock: configuration.world.clock,
    applies: engine.meter.applies,
    reader,
    over: over.signal,
    parts: engine.snapshots.snapshots,
    isLeading: () => engine.state.legislator.role === "leading",
    publish: async (entry) => await engine.publishing.publish(entry),
    marked: (slot, hash) => engine.play({ kind: "applied", slot, hash }),
    skipped: ({ slot, index }, error) => {
      const reason = error instanceof Error ? error.message : String(error);
      engine.logger.warn(
        { event: "skipped", slot, index, reason },
        `the state machine threw at entry ${index}, which is skipped: ${reason}`,
      );
    },
    failed: (error) => engine.fail(asKibitzerError(error)),
  });
}
