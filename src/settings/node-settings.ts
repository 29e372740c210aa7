/**
 * All settings of a node, each in one place: flags, environment, files, help, `kibitz config` and
 * docs/configuration.md have them from here.
 */
import type { SettingsFor } from "./setting.ts";
import {
  age,
  duration,
  durationOrNever,
  endpoint,
  endpoints,
  hosts,
  id,
  ids,
  onOff,
  oneOf,
  pairs,
  path,
  peers,
  republicName,
  seats,
  size,
  whole,
} from "./value-types.ts";

export interface NodeOptions {
  readonly data?: string;
  readonly id?: string;
  readonly listen?: readonly string[];
  readonly advertise?: string;
  readonly allowHost?: readonly string[];
  readonly moved?: boolean;
  readonly bootstrap?: string;
  readonly founders?: readonly string[];
  readonly parliamentSize?: number;
  readonly join?: readonly string[];
  readonly awaitInvitation?: boolean;
  readonly republic?: string;
  readonly ifNew?: boolean;
  readonly property?: Readonly<Record<string, string>>;
  /** Milliseconds, as all times here. */
  readonly timeout?: number;
  readonly record?: boolean;
  readonly recordBodies?: boolean;
  readonly recordingBytes?: number;
  readonly kv?: boolean;
  readonly retainBytes?: number;
  /** Of log time. */
  readonly retainAge?: number;
  readonly snapshotBytes?: number;
  readonly snapshotSlots?: number;
  /** Null for never. */
  readonly replaceAfter?: number | null;
  readonly pingEvery?: number;
  readonly silenceAfter?: number;
  readonly stallAfter?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tlsClientCa?: string;
  readonly tokenFile?: string;
  readonly tokens?: string;
  readonly clientRate?: number;
  readonly allowInsecure?: boolean;
  readonly untilStdinEnds?: boolean;
  readonly logLevel?: string;
}

export const joinTimeoutMs = 60_000;

/** What a log holds, from everything to nothing. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export const nodeSettings: SettingsFor<NodeOptions> = {
  data: { type: path, argument: "dir", about: "the node's data directory" },
  id: { type: id, argument: "id", about: "the node's name for its whole life (first start)" },
  listen: {
    type: endpoints,
    argument: "url",
    about: "where to listen: ws://HOST:PORT, wss://…, tcp://…, tls://…, unix:PATH; repeatable",
  },
  advertise: {
    type: endpoint,
    argument: "url",
    about: "what peers are told in place of the first --listen",
  },
  allowHost: {
    type: hosts,
    argument: "host",
    about: "hosts beside the members' that requests over HTTP may name; repeatable",
  },
  moved: { type: onOff, about: "have members call it here from now on: no copy of it is left" },
  // How a node comes into a republic.
  bootstrap: { type: republicName, argument: "name", about: "found a new republic (first start)" },
  founders: {
    type: ids,
    argument: "ids",
    about: "with --bootstrap and --join, the same on all: the first founds, the others join it",
  },
  parliamentSize: {
    type: seats,
    argument: "seats",
    about: "with --bootstrap: how many members vote at most, odd",
    default: 5,
  },
  join: {
    type: peers,
    argument: "peers",
    about:
      "join the republic of these nodes (first start): endpoints, dns+ws://HOST:PORT, " +
      "srv+ws://NAME, file:PATH; with --moved: tell them, too",
  },
  awaitInvitation: { type: onOff, about: "wait for kibitz member add (first start)" },
  republic: { type: republicName, argument: "name", about: "insist on this republic" },
  ifNew: { type: onOff, about: "ignore --bootstrap and --join where the data is there already" },
  property: {
    type: pairs,
    argument: "key=value",
    about: "what others are told of this node; repeatable",
  },
  timeout: {
    type: duration,
    argument: "duration",
    about: "how long to try to join",
    default: joinTimeoutMs,
  },
  // What it keeps.
  record: { type: onOff, about: "keep no recording of the node's inputs", default: true },
  recordBodies: { type: onOff, about: "put the entries' bytes into the recording too" },
  recordingBytes: {
    type: size(65_536),
    argument: "size",
    about: "how large the whole recording may become",
    default: 256 * 2 ** 20,
  },
  kv: { type: onOff, about: "attach the key–value map; the same on every node" },
  retainBytes: {
    type: size(0),
    argument: "size",
    about: "keep this much of the log at least",
    otherwise: "all",
  },
  retainAge: {
    type: age,
    argument: "age",
    about: "keep the log of this time at least",
    otherwise: "all",
  },
  snapshotBytes: {
    type: size(1),
    argument: "size",
    about: "make a snapshot after this much log",
    default: 64 * 2 ** 20,
  },
  snapshotSlots: {
    type: whole(1),
    argument: "count",
    about: "make a snapshot after this many slots of the log",
    default: 250_000,
  },
  // When it gives up waiting.
  replaceAfter: {
    type: durationOrNever,
    argument: "duration",
    about: "give a silent member's seat to one that waits; or never",
    default: 600_000,
  },
  pingEvery: {
    type: duration,
    argument: "duration",
    about: "how often peers are pinged; the same on every node",
    default: 50,
  },
  silenceAfter: {
    type: duration,
    argument: "duration",
    about: "when a peer is not heard any more; at least twice --ping-every",
    default: 400,
  },
  stallAfter: {
    type: duration,
    argument: "duration",
    about: "how long a proposal may take before its leader gives way",
    default: 2000,
  },
  // Whom it lets in.
  tlsCert: { type: path, argument: "file", about: "the certificate to present, as PEM" },
  tlsKey: { type: path, argument: "file", about: "the key of that certificate" },
  tlsCa: { type: path, argument: "file", about: "who signs nodes, and clients" },
  tlsClientCa: { type: path, argument: "file", about: "who signs clients, besides --tls-ca" },
  tokenFile: {
    type: path,
    argument: "file",
    about: "holds the token that this node gives; else KIBITZER_TOKEN",
  },
  tokens: {
    type: path,
    argument: "file",
    about: "the tokens that are known here, one a line: NAME ROLE[,ROLE…] SHA256",
  },
  clientRate: {
    type: whole(1),
    argument: "count",
    about: "how many requests a second one client may make",
    otherwise: "as many as it likes",
  },
  allowInsecure: {
    type: onOff,
    about: "listen beyond this computer where neither TLS nor a token is asked for",
  },
  // Its process.
  untilStdinEnds: { type: onOff, about: "stop when the standard input ends" },
  logLevel: {
    type: oneOf(...logLevels),
    argument: "level",
    about: "what the log on stderr holds",
    default: "info",
  },
};
