/**
 * The recorded form of one input: everything that changes a node's consensus state is an envelope
 * (contract C1). Pure data; nothing here applies or stores one.
 */
import type { IslanderInput, LegislatorInput, Plain } from "../../consensus/index.ts";
import { invert } from "../codec/bytes.ts";
import { KibitzerError } from "../kibitzer-error.ts";

/** An input without the fields that the envelope has itself. */
type BodyOf<Input> = Input extends unknown ? Omit<Input, "kind" | "when"> : never;
type OfKind<Input, Kind> = Extract<Input, { readonly kind: Kind }>;

interface Stamped<Method, Body> {
  readonly module: "kibitz";
  readonly method: Method;
  /** The wall clock, milliseconds since 1970; information only. */
  readonly when: number;
  readonly body: Body;
}

/** Bodies of batches, beside an input that names them; only when they are recorded. */
interface Bodies {
  /** Those of the input's decrees (or of its one batch), in their order; null for other values. */
  readonly bodies?: readonly (Uint8Array | null)[];
}

type Kinds = LegislatorInput["kind"];
type WithBodies<Kind> = Kind extends "receive" | "enqueue" ? Bodies : unknown;

/** An input of the Legislator, its method being its kind. */
export type LegislatorEnvelope = {
  readonly [Kind in Kinds]: Stamped<Kind, BodyOf<OfKind<LegislatorInput, Kind>> & WithBodies<Kind>>;
}[Kinds];

interface IslanderMethods {
  readonly open: "register";
  readonly publish: "publish";
  readonly published: "published";
  readonly event: "resubmit";
}

const islanderMethods: IslanderMethods = {
  open: "register",
  publish: "publish",
  published: "published",
  event: "resubmit",
};

/** An input of the Islander, by a method of its own. */
export type IslanderEnvelope = {
  readonly [Kind in keyof IslanderMethods]: Stamped<
    IslanderMethods[Kind],
    BodyOf<OfKind<IslanderInput, Kind>>
  >;
}[keyof IslanderMethods];

/** The whole state to go on from; replaces whatever there was. */
export type CheckpointEnvelope = Stamped<"checkpoint", CheckpointBody>;

export interface CheckpointBody {
  readonly legislator: Plain;
  readonly islander: Plain | null;
}

export type Envelope = LegislatorEnvelope | IslanderEnvelope | CheckpointEnvelope;

export type Method = Envelope["method"];

/** What an envelope plays, and on whom. */
export type Played =
  | {
      readonly target: "legislator";
      readonly input: LegislatorInput;
      /** As in the envelope, or null when they were not recorded. */
      readonly bodies: readonly (Uint8Array | null)[] | null;
    }
  | { readonly target: "islander"; readonly input: IslanderInput }
  | { readonly target: "checkpoint"; readonly when: number; readonly body: CheckpointBody };

const islanderKinds: ReadonlyMap<string, IslanderInput["kind"]> = invert(islanderMethods);

const legislatorKinds: ReadonlySet<string> = new Set<LegislatorInput["kind"]>([
  "bootstrap",
  "join",
  "immigrate",
  "naturalize",
  "exile",
  "promote",
  "demote",
  "transfer",
  "event",
  "receive",
  "enqueue",
  "persisted",
  "sent",
  "room",
  "barrier",
]);

export function envelopeOf(played: Played): Envelope {
  if (played.target === "checkpoint") {
    return { module: "kibitz", method: "checkpoint", when: played.when, body: played.body };
  }
  const { kind, when, ...body } = played.input;
  if (played.target === "islander") {
    return trustedEnvelope({ module: "kibitz", method: islanderMethod(played.input), when, body });
  }
  const { bodies } = played;
  const whole = bodies === null ? body : { ...body, bodies };
  return trustedEnvelope({ module: "kibitz", method: kind, when, body: whole });
}

/** By which method an input of the Islander is recorded. */
export function islanderMethod(input: IslanderInput): IslanderEnvelope["method"] {
  return islanderMethods[input.kind];
}

/**
 * The inverse of {@link envelopeOf}.
 * @throws {KibitzerError} `KBZ_ARGUMENT` when it is not an envelope of ours.
 */
export function playedOf(envelope: Envelope): Played {
  const { module, method, when } = envelope;
  if (envelope.method === "checkpoint") {
    return { target: "checkpoint", when, body: envelope.body };
  }
  const kind = islanderKinds.get(method);
  if (kind !== undefined) {
    return trustedPlayed({ target: "islander", input: { kind, when, ...envelope.body } });
  }
  if (module !== "kibitz" || !legislatorKinds.has(method)) {
    throw new KibitzerError(
      "KBZ_ARGUMENT",
      `Expected an envelope of the module kibitz, found the method ${method} of ` +
        `${module}. Give the envelopes as they were recorded.`,
      { retryable: false, outcome: "none" },
    );
  }
  const { bodies, ...body } = { bodies: null, ...envelope.body };
  return trustedPlayed({ target: "legislator", input: { kind: method, when, ...body }, bodies });
}

/**
 * An input and its envelope have the same fields in another arrangement, kind by kind: the types
 * above say which, and cannot be followed through the rearrangement.
 */
function trustedEnvelope(value: unknown): Envelope {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above.
  return value as Envelope;
}

function trustedPlayed(value: unknown): Played {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above.
  return value as Played;
}
