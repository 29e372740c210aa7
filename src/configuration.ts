/**
 * What a node was asked to be: options checked, copied and frozen, with every default written out.
 */
import { isNodeId, limits } from "../consensus/index.ts";
import { checkOptions, type OptionNames } from "./arguments.ts";
import { checkEndpoint } from "./checked-endpoint.ts";
import type { Access } from "./access/access.ts";
import { noSecurity, type Security, type SecurityOptions } from "./access/security.ts";
import { parsePeerSource } from "./discovery/peer-source.ts";
import { KibitzerError } from "./kibitzer-error.ts";
import { isHostName } from "./http/hosts.ts";
import { silent, type Logger } from "./logger.ts";
import type { StateMachine } from "./machine/state-machine.ts";
import type { World } from "./world.ts";

export interface TimingOptions {
  /** Milliseconds between two pings; default 50. */
  readonly pingMs?: number;
  /** Milliseconds of silence after which a peer is not heard any more; default 400. */
  readonly silenceMs?: number;
  /** Milliseconds that a proposal may take before its leader gives way; default 2,000. */
  readonly stallMs?: number;
}

export interface KibitzerOptions extends SecurityOptions {
  /** The data directory; made when it is not there. */
  readonly directory: string;
  /** `[a-z0-9][a-z0-9._-]{0,62}`; needed when the directory is made, remembered afterwards. */
  readonly id?: string;
  /** Endpoints to listen at, as `ws://127.0.0.1:7700`; remembered by the directory. */
  readonly listen?: readonly string[];
  /** The endpoint that others are told; default the first of `listen`. */
  readonly advertise?: string;
  /**
   * The directory was moved here, and not copied: the republic is told to call this node at its new
   * endpoint. Peers in place of a flag, as `join` has them: members that moved too, who are told
   * as well.
   * Default false.
   */
  readonly moved?: boolean | readonly string[];
  /**
   * Hosts, beside those of the members' endpoints, that requests over HTTP may name, and whose
   * pages may use this node from a browser: a balancer's name, or that of a dashboard.
   */
  readonly allowHosts?: readonly string[];
  /** Any logger of pino's shape; default silent. */
  readonly logger?: Logger;
  /** Whether inputs are recorded; default true. */
  readonly record?: boolean;
  /** Whether recordings hold entries' bytes too; default false. */
  readonly recordBodies?: boolean;
  /** Bytes of the whole recording; default 256 MiB. */
  readonly recordingBytesMax?: number;
  /** Seats of the parliament of a republic founded here: odd; default 5. */
  readonly parliamentSize?: number;
  /**
   * Milliseconds that a member may be silent, counted in unanswered pings, before this node, as
   * leader, gives its seat to a constituent that waits; null for never; default 600,000.
   */
  readonly replaceAfterMs?: number | null;
  readonly timing?: TimingOptions;
  /** What applies the decided entries, from the beginning or the latest snapshot on. */
  readonly machine?: StateMachine;
  /** Files, clock, chance and network; default those of this computer. */
  readonly world?: World;
  /** After how much log a snapshot is made; default 64 MiB or 250,000 slots. */
  readonly snapshot?: { readonly bytes?: number; readonly slots?: number };
  /**
   * How much of the log is kept at least, in bytes of the journal's files, or in milliseconds of
   * log time; what is beyond either bound goes. Default: everything is kept for ever.
   */
  readonly retain?: { readonly bytes?: number; readonly ageMs?: number };
  /** Bytes of the journal's files. */
  readonly storage?: { readonly segmentBytesFirst?: number; readonly segmentBytesMax?: number };
  /** Gives up a start that waits for other members, as a repair may; default never. */
  readonly signal?: AbortSignal;
  /**
   * Listens beyond this computer at endpoints without TLS, though no token is asked for; default
   * false. It is not remembered.
   */
  readonly allowInsecure?: boolean;
}

export interface Configuration {
  readonly directory: string;
  /** What the directory remembers. */
  readonly identity: {
    readonly id?: string;
    readonly listen?: readonly string[];
    readonly advertise?: string;
  };
  /** Whom to tell of it, besides the members as the log knows them; null when it has not moved. */
  readonly moved: readonly string[] | null;
  readonly allowHosts: ReadonlySet<string>;
  readonly logger: Logger;
  readonly record: boolean;
  readonly recordBodies: boolean;
  readonly recordingBytesMax: number;
  readonly parliamentSize: number;
  readonly timing: {
    readonly pingTicks: number;
    readonly silenceTicks: number;
    readonly stallTicks: number;
    readonly replaceTicks: number | null;
  };
  readonly machine: StateMachine | null;
  readonly world: World;
  /** Whether the network is that of this computer, on which probes may be answered early. */
  readonly isReal: boolean;
  readonly snapshot: { readonly bytes: number; readonly slots: number };
  readonly retain: { readonly bytes: number | null; readonly ageMs: number | null };
  readonly storage: NonNullable<KibitzerOptions["storage"]>;
  readonly signal: AbortSignal;
  readonly access: Access;
  readonly allowInsecure: boolean;
}

const known: OptionNames<KibitzerOptions> = {
  directory: true,
  id: true,
  listen: true,
  advertise: true,
  moved: true,
  allowHosts: true,
  logger: true,
  record: "flag",
  recordBodies: "flag",
  recordingBytesMax: true,
  parliamentSize: true,
  replaceAfterMs: true,
  timing: true,
  machine: true,
  world: true,
  snapshot: true,
  retain: true,
  storage: true,
  signal: true,
  tls: true,
  token: true,
  tokens: true,
  requestsPerSecondMax: true,
  allowInsecure: "flag",
};

const knownWithin: {
  readonly [Key in "timing" | "snapshot" | "retain" | "storage"]: OptionNames<KibitzerOptions[Key]>;
} = {
  timing: { pingMs: true, silenceMs: true, stallMs: true },
  snapshot: { bytes: true, slots: true },
  retain: { bytes: true, ageMs: true },
  storage: { segmentBytesFirst: true, segmentBytesMax: true },
};

/**
 * @param options With no name that is none: see `checkNodeOptions`.
 * @throws {KibitzerError} `KBZ_ARGUMENT` or `KBZ_ENDPOINT`, naming the option and what is wanted.
 */
export function configure(
  options: KibitzerOptions,
  worldHere: () => World,
  security: Pick<Security, "access"> = noSecurity,
): Configuration {
  const world = options.world ?? worldHere();
  const { requestsPerSecondMax: rate } = options;
  const rateMax = rate === undefined ? null : whole("requestsPerSecondMax", rate, 1);
  const { moved = false, logger = silent, record = true, recordBodies = false } = options;
  const { parliamentSize = 5, recordingBytesMax = 268_435_456 } = options;
  return Object.freeze({
    directory: directoryOf(options),
    identity: identityOf(options),
    moved: movedOf(moved),
    allowHosts: hostsOf(options),
    logger,
    record,
    recordBodies,
    recordingBytesMax: whole("recordingBytesMax", recordingBytesMax, 65_536),
    parliamentSize: seats(parliamentSize),
    timing: timingOf(options),
    machine: options.machine ?? null,
    world,
    isReal: options.world === undefined,
    ...pastOf(options),
    storage: { ...options.storage },
    signal: options.signal ?? new AbortController().signal,
    access: security.access(world.clock, rateMax),
    allowInsecure: options.allowInsecure === true,
  });
}

/** @throws {KibitzerError} `KBZ_ARGUMENT` for what is no option. */
export function checkNodeOptions(options: KibitzerOptions): void {
  checkOptions(options, known);
  for (const within of ["timing", "snapshot", "retain", "storage"] as const) {
    if (options[within] === undefined) continue;
    checkOptions(options[within], knownWithin[within], `${within}.`);
  }
  if (options.world === undefined) return;
  // A network that was given shows what it was given.
  for (const key of ["tls", "token"] as const) {
    if (options[key] !== undefined) throw wrong(key, "no world beside it", "one");
  }
}

const snapshotBytes = 67_108_864;
const snapshotSlots = 250_000;

function pastOf({
  snapshot = {},
  retain = {},
}: KibitzerOptions): Pick<Configuration, "snapshot" | "retain"> {
  const { bytes = snapshotBytes, slots = snapshotSlots } = snapshot;
  const { bytes: kept, ageMs } = retain;
  return {
    snapshot: {
      bytes: whole("snapshot.bytes", bytes, 1),
      slots: whole("snapshot.slots", slots, 1),
    },
    retain: {
      bytes: kept === undefined ? null : whole("retain.bytes", kept, 0),
      ageMs: ageMs === undefined ? null : whole("retain.ageMs", ageMs, 0),
    },
  };
}

function movedOf(moved: boolean | readonly string[]): readonly string[] | null {
  if (typeof moved === "boolean") return moved ? [] : null;
  for (const source of moved) parsePeerSource(source);
  return [...moved];
}

function hostsOf({ allowHosts = [] }: KibitzerOptions): ReadonlySet<string> {
  if (!Array.isArray(allowHosts)) throw wrong("allowHosts", "an array", String(allowHosts));
  for (const host of allowHosts) {
    if (!isHostName(host)) throw wrong("allowHosts", "hosts without port", JSON.stringify(host));
  }
  return new Set(allowHosts);
}

function directoryOf({ directory }: KibitzerOptions): string {
  if (typeof directory === "string" && directory !== "") return directory;
  throw wrong("directory", "a path", JSON.stringify(directory));
}

function identityOf({ id, listen, advertise }: KibitzerOptions): Configuration["identity"] {
  if (id !== undefined && !isNodeId(id)) throw wrong("id", "[a-z0-9][a-z0-9._-]{0,62}", id);
  if (listen !== undefined && !Array.isArray(listen)) {
    throw wrong("listen", "an array of endpoints", String(listen));
  }
  for (const url of [...(listen ?? []), ...(advertise === undefined ? [] : [advertise])]) {
    checkEndpoint(url);
  }
  return {
    ...(id === undefined ? {} : { id }),
    ...(listen === undefined ? {} : { listen: [...listen] }),
    ...(advertise === undefined ? {} : { advertise }),
  };
}

function timingOf({
  timing = {},
  // A reboot, or an update of the system, takes less.
  replaceAfterMs = 600_000,
}: KibitzerOptions): Configuration["timing"] {
  const { pingMs = 50, silenceMs = 400, stallMs = 2000 } = timing;
  const pingTicks = whole("timing.pingMs", pingMs, 1);
  const silenceTicks = whole("timing.silenceMs", silenceMs, 2 * pingTicks);
  const stallTicks = whole("timing.stallMs", stallMs, silenceTicks);
  const replaceTicks =
    replaceAfterMs === null ? null : whole("replaceAfterMs", replaceAfterMs, silenceTicks);
  return { pingTicks, silenceTicks, stallTicks, replaceTicks };
}

function seats(size: number): number {
  whole("parliamentSize", size, 1);
  if (size % 2 === 1 && size <= limits.parliamentSizeMax) return size;
  throw wrong("parliamentSize", `an odd number up to ${limits.parliamentSizeMax}`, String(size));
}

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw wrong(name, `a whole number from ${least}`, String(value));
}

function wrong(name: string, wanted: string, found: string): KibitzerError {
  return new KibitzerError("KBZ_ARGUMENT", `Option ${name}: wanted ${wanted}, found ${found}.`, {
    retryable: false,
    outcome: "none",
  });
}
