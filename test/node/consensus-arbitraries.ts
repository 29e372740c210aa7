/** Any value of the core's contract, for the tests of codecs and digests. */
import * as fc from "fast-check";
import {
  ballotZero,
  type Ballot,
  type Batch,
  type Citizen,
  type Decree,
  type Effect,
  type Heard,
  type IslanderInput,
  type LegislatorInput,
  type Message,
  type RefusalReason,
  type Report,
  type RepublicIdentity,
  type RepublicState,
  type Value,
} from "../../consensus/index.ts";
import { crc32 } from "../../src/codec/crc32.ts";
import type { FramedDecree } from "../../src/codec/decree-codec.ts";
import { wholeMax } from "../../src/codec/byte-reader.ts";
import { decreesOf } from "../../src/codec/message-codec.ts";
import type { BatchResults } from "../../src/machine/results.ts";
import type { Request, Response } from "../../src/requests.ts";

const idPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;
export const id: fc.Arbitrary<string> = fc.stringMatching(idPattern);
export const hex16: fc.Arbitrary<string> = fc.stringMatching(/^[0-9a-f]{16}$/);
/** Small numbers, and any that are safe. */
export const whole: fc.Arbitrary<number> = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat().map((value) => value % (wholeMax + 1)),
);
const positive = whole.map((value) => Math.max(1, value));
const instant = fc.maxSafeInteger();
const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map(Math.abs);
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });

export const ballot: fc.Arbitrary<Ballot> = fc.oneof(
  fc.constant(ballotZero),
  fc.record({ government: whole, round: whole, id }),
);

export const republic: fc.Arbitrary<RepublicIdentity> = fc.record({ name, identity: hex16 });

export const citizen: fc.Arbitrary<Citizen> = fc.record({
  id,
  cookie: hex16,
  url: name,
  properties: fc
    .array(fc.tuple(fc.stringMatching(/^[a-z]{1,8}$/), name), { maxLength: 3 })
    .map((pairs) => Object.fromEntries(pairs)),
});

interface FramedBatch {
  readonly value: Batch;
  readonly body: Uint8Array;
}

export const framedBatch: fc.Arbitrary<FramedBatch> = fc
  .tuple(
    positive,
    fc.integer({ min: 1, max: 2 ** 52 }),
    fc.nat(15),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([publisher, sequence, more, body]) => {
    const count = more + 1;
    const checksum = crc32(body);
    const size = body.length;
    return { value: { kind: "batch", publisher, sequence, count, size, checksum }, body };
  });

const parliament = fc
  .uniqueArray(id, { minLength: 1, maxLength: 9 })
  .map((ids) => ids.toSorted((left, right) => (left < right ? -1 : 1)));

const smallValue: fc.Arbitrary<Exclude<Value, Batch>> = fc.oneof(
  fc.constant({ kind: "opening" } as const),
  fc.record({
    kind: fc.constant("bootstrap" as const),
    republic,
    founder: citizen,
    parliamentSize: fc.constantFrom(1, 3, 5, 7, 9),
  }),
  fc.record({ kind: fc.constant("admission" as const), citizen }),
  fc.record({ kind: fc.constant("naturalization" as const), id, cookie: hex16 }),
  fc.record({
    kind: fc.constant("eligibility" as const),
    id,
    cookie: hex16,
    eligible: fc.boolean(),
  }),
  citizen.map(
    ({ url }) => ({ kind: "relocation", id: "b", cookie: "00112233445566aa", url }) as const,
  ),
  fc.record({ kind: fc.constant("exile" as const), id, cookie: hex16 }),
  fc.tuple(positive, parliament, fc.nat(8)).map(([government, ids, at]) => ({
    kind: "succession" as const,
    government,
    parliament: ids,
    leader: ids[at % ids.length] ?? "a",
    leaving: ids.slice(0, at % 2),
  })),
  fc.record({ kind: fc.constant("registration" as const), nonce: hex16 }),
  fc.record({
    kind: fc.constant("refounding" as const),
    cause: fc.constantFrom("recovered" as const, "restored" as const),
    republic,
    founder: citizen,
    government: fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER }),
  }),
);

const framedValue: fc.Arbitrary<{ readonly value: Value; readonly body: Uint8Array | null }> =
  fc.oneof(
    framedBatch,
    smallValue.map((value) => ({ value, body: null })),
  );

const framedDecree: fc.Arbitrary<FramedDecree> = fc
  .tuple(fc.record({ slot: positive, time: whole, when: instant, hash: hex16 }), framedValue)
  .map(([place, { value, body }]) => ({ decree: { ...place, value }, body }));

/** Bodies are remembered beside the decrees, since a message names descriptors only. */
const bodies = new WeakMap<Decree, Uint8Array>();

function decreesFrom(least: number): fc.Arbitrary<readonly Decree[]> {
  return fc.array(framedDecree, { minLength: least, maxLength: 5 }).map((framed) =>
    framed.map(({ decree, body }) => {
      if (body !== null) bodies.set(decree, body);
      return decree;
    }),
  );
}

export function bodiesBeside(message: Message): readonly (Uint8Array | null)[] {
  return decreesOf(message).map((decree) => bodies.get(decree) ?? null);
}

export const report: fc.Arbitrary<Report> = fc.record({
  government: whole,
  promised: ballot,
  accepted: ballot,
  length: whole,
  decided: whole,
  stateHash: hex16,
  leading: fc.option(ballot),
  quorumConnected: fc.boolean(),
  timely: fc.boolean(),
  hasRoom: fc.boolean(),
  hearsFit: fc.option(ballot),
  chooses: fc.option(id),
  starts: whole,
  machine: fc.option(fc.record({ slot: positive, hash: hex16 })),
});

export const heard: fc.Arbitrary<Heard> = fc.record({
  id,
  cookie: hex16,
  starts: whole,
  promised: ballot,
  accepted: ballot,
  length: whole,
});

const answer = fc.record({ starts: whole, round: whole, heard: fc.option(heard) });

const extent = { ballot, accepted: ballot, length: whole, decided: whole };
type OfKind<Union, Kind> = Union extends { readonly kind: infer Known }
  ? Kind extends Known
    ? Union & { readonly kind: Kind }
    : never
  : never;
type Kinds<Union extends { readonly kind: string }> = {
  readonly [Kind in Union["kind"]]: fc.Arbitrary<OfKind<Union, Kind>>;
};

/** One arbitrary for each kind, so that none can be forgotten. */
export const messages: Kinds<Message> = {
  ping: fc.record({
    kind: fc.constant("ping"),
    round: whole,
    report,
    answer: fc.option(answer),
  }),
  pong: fc.record({ kind: fc.constant("pong"), round: whole, report, answer }),
  prepare: fc.record({ kind: fc.constant("prepare"), ...extent }),
  promised: fc.record({
    kind: fc.constant("promised"),
    ...extent,
    intact: whole,
    decrees: decreesFrom(0),
  }),
  refused: fc.record({ kind: fc.constant("refused"), ballot, promised: ballot }),
  synchronize: fc.record({
    kind: fc.constant("synchronize"),
    ballot,
    slotFirst: positive,
    hashBefore: hex16,
    decrees: decreesFrom(0),
    decided: whole,
  }),
  accept: fc.record({
    kind: fc.constant("accept"),
    ballot,
    decrees: decreesFrom(1),
    decided: whole,
  }),
  accepted: fc.record({ kind: fc.constant("accepted"), ballot, length: whole }),
  resynchronize: fc.record({ kind: fc.constant("resynchronize"), ...extent }),
  decide: fc.record({ kind: fc.constant("decide"), ballot, decided: whole }),
  confirm: fc.record({ kind: fc.constant("confirm"), ballot, round: whole }),
  confirmed: fc.record({ kind: fc.constant("confirmed"), ballot, round: whole }),
  fetch: fc.record({ kind: fc.constant("fetch"), slotFirst: positive, follow: fc.boolean() }),
  learn: fc.record({ kind: fc.constant("learn"), decrees: decreesFrom(0), decided: whole }),
  ahead: fc.record({ kind: fc.constant("ahead"), government: whole, decided: whole }),
  naturalize: fc.record({ kind: fc.constant("naturalize") }),
  takeOver: fc.record({ kind: fc.constant("takeOver"), ballot }),
  snapshot: fc.record({ kind: fc.constant("snapshot"), slot: positive }),
};

export const message: fc.Arbitrary<Message> = fc.oneof(...Object.values(messages));

export const effects: Kinds<Effect> = {
  none: fc.record({ kind: fc.constant("none") }),
  government: fc.record({ kind: fc.constant("government") }),
  membership: fc.record({ kind: fc.constant("membership") }),
  registered: fc.record({ kind: fc.constant("registered"), publisher: positive, nonce: hex16 }),
  refusedRegistration: fc.record({ kind: fc.constant("refusedRegistration"), nonce: hex16 }),
  applied: fc.record({ kind: fc.constant("applied"), index: whole }),
  duplicate: fc.record({ kind: fc.constant("duplicate"), index: whole }),
  gap: fc.record({ kind: fc.constant("gap"), expected: whole }),
  conflict: fc.record({ kind: fc.constant("conflict") }),
  unknownPublisher: fc.record({ kind: fc.constant("unknownPublisher") }),
};
export const effect: fc.Arbitrary<Effect> = fc.oneof(...Object.values(effects));

const reasonsByName: Readonly<Record<RefusalReason, true>> = {
  notLeading: true,
  busy: true,
  full: true,
  gap: true,
  idTaken: true,
  notFound: true,
  quorum: true,
  noRepublic: true,
  departed: true,
  noMachine: true,
  behind: true,
  notReady: true,
  unreachable: true,
  notWaiting: true,
};
export const reason: fc.Arbitrary<RefusalReason> = fc
  .constantFrom(...Object.keys(reasonsByName))
  .map((text) => text as RefusalReason);

const member = fc.record({
  admitted: positive,
  naturalized: fc.boolean(),
  eligible: fc.boolean(),
});
const publisher = fc.record({
  publisher: positive,
  sequenceNext: positive,
  results: fc.array(fc.record({ batch: framedBatch.map(({ value }) => value), index: positive }), {
    maxLength: 3,
  }),
  time: whole,
});

export const republicState: fc.Arbitrary<RepublicState> = fc.record({
  republic: fc.option(republic),
  parliamentSize: fc.constantFrom(0, 1, 3, 9),
  slot: whole,
  hash: hex16,
  stateHash: hex16,
  time: whole,
  index: whole,
  government: fc.option(
    fc
      .tuple(positive, parliament, fc.array(id, { maxLength: 2 }), positive)
      .map(([number, ids, leaving, slot]) => ({
        number,
        parliament: ids,
        leader: ids.at(-1) ?? "a",
        leaving,
        slot,
      })),
  ),
  members: fc.array(
    fc.tuple(citizen, member).map(([one, state]) => ({ ...one, ...state })),
    { maxLength: 3 },
  ),
  departed: fc.array(fc.record({ id, cookie: hex16, url: name, slot: positive }), { maxLength: 2 }),
  refounded: fc.array(
    fc.record({
      cause: fc.constantFrom("recovered" as const, "restored" as const),
      slot: positive,
      when: instant,
      before: republic,
    }),
    { maxLength: 2 },
  ),
  publishers: fc.array(publisher, { maxLength: 4 }),
});

const registration = hex16.map((nonce) => ({ kind: "registration", nonce }) as const);
const stamp = { now: whole, when: instant };

export const legislatorInputs: Kinds<LegislatorInput> = {
  bootstrap: fc.record({
    kind: fc.constant("bootstrap"),
    ...stamp,
    republic,
    founder: citizen,
    parliamentSize: fc.constantFrom(1, 3, 5, 7, 9),
  }),
  join: fc.record({
    kind: fc.constant("join"),
    ...stamp,
    republic,
    contacts: fc.array(citizen, { maxLength: 3 }),
  }),
  immigrate: fc.record({ kind: fc.constant("immigrate"), ...stamp, citizen }),
  naturalize: fc.record({ kind: fc.constant("naturalize"), ...stamp }),
  exile: fc.record({ kind: fc.constant("exile"), ...stamp, id }),
  promote: fc.record({ kind: fc.constant("promote"), ...stamp, id, insteadOf: fc.option(id) }),
  demote: fc.record({ kind: fc.constant("demote"), ...stamp, id }),
  transfer: fc.record({ kind: fc.constant("transfer"), ...stamp, to: fc.option(id) }),
  event: fc.record({ kind: fc.constant("event"), ...stamp, jitter: fraction }),
  receive: fc.record({
    kind: fc.constant("receive"),
    ...stamp,
    from: id,
    cookie: hex16,
    message,
  }),
  enqueue: fc.record({
    kind: fc.constant("enqueue"),
    ...stamp,
    value: fc.oneof(
      framedBatch.map(({ value }) => value),
      registration,
    ),
  }),
  persisted: fc.record({ kind: fc.constant("persisted"), ...stamp, write: whole }),
  sent: fc.record({ kind: fc.constant("sent"), ...stamp, to: id }),
  applied: fc.record({ kind: fc.constant("applied"), ...stamp, slot: positive, hash: hex16 }),
  room: fc.record({ kind: fc.constant("room"), ...stamp, hasRoom: fc.boolean() }),
  barrier: fc.record({ kind: fc.constant("barrier"), ...stamp, barrier: whole }),
  install: fc.record({ kind: fc.constant("install"), ...stamp, state: republicState }),
};

export const islanderInputs: Kinds<IslanderInput> = {
  open: fc.record({
    kind: fc.constant("open"),
    ...stamp,
    nonce: hex16,
    resume: fc.option(fc.record({ publisher: positive, sequenceNext: positive })),
  }),
  publish: fc.record({
    kind: fc.constant("publish"),
    ...stamp,
    count: fc.integer({ min: 1, max: 16_384 }),
    size: fc.nat(1_114_112),
    checksum: uint32,
  }),
  published: fc.record({
    kind: fc.constant("published"),
    ...stamp,
    sequence: whole,
    attempt: whole,
    result: fc.oneof(
      effect,
      fc.record({ kind: fc.constant("refused" as const), reason }),
      fc.constant({ kind: "lost" } as const),
      fc.constant({ kind: "forbidden" } as const),
    ),
    jitter: fraction,
  }),
  event: fc.record({ kind: fc.constant("event"), ...stamp }),
};

type Methods = {
  readonly [Method in Request["method"]]: fc.Arbitrary<
    Extract<Request, { readonly method: Method }>
  >;
};
const hops = fc.nat(255);

export const requests: Methods = {
  receive: message.map((carried) => ({
    method: "receive",
    message: carried,
    bodies: bodiesBeside(carried),
  })),
  immigrate: fc.record({
    method: fc.constant("immigrate"),
    republic: fc.option(name),
    citizen,
    hops,
  }),
  enqueue: fc
    .tuple(framedBatch, hops)
    .map(([{ value, body }, count]) => ({ method: "enqueue", batch: value, body, hops: count })),
  register: fc.record({ method: fc.constant("register"), nonce: hex16, hops }),
  barrier: fc.record({ method: fc.constant("barrier"), hops }),
  exile: fc.record({ method: fc.constant("exile"), id, cookie: hex16, hops }),
  transfer: fc.record({ method: fc.constant("transfer"), to: fc.option(id), hops }),
  promote: fc.record({
    method: fc.constant("promote"),
    id,
    cookie: hex16,
    insteadOf: fc.option(id),
    hops,
  }),
  demote: fc.record({ method: fc.constant("demote"), id, cookie: hex16, hops }),
  invite: fc.record({ method: fc.constant("invite"), republic: fc.option(republic), url: name }),
  entries: fc.record({
    method: fc.constant("entries"),
    index: fc.maxSafeNat(),
    bytesMax: whole,
    waitMs: whole,
  }),
  snapshot: fc.record({
    method: fc.constant("snapshot"),
    slot: positive,
    offset: whole,
    bytesMax: whole,
  }),
  decrees: fc.record({
    method: fc.constant("decrees"),
    slotFirst: positive,
    slotLast: positive,
    bytesMax: whole,
  }),
  status: fc.constant({ method: "status" }),
  report: fc.constant({ method: "report" }),
  query: fc.record({
    method: fc.constant("query"),
    question: fc.uint8Array({ maxLength: 40 }),
    isStale: fc.boolean(),
    index: fc.maxSafeNat(),
    waitMs: whole,
  }),
  repair: fc.record({
    method: fc.constant("repair"),
    slotFirst: positive,
    slotLast: positive,
  }),
};
export const request: fc.Arbitrary<Request> = fc.oneof(...Object.values(requests));

const results: fc.Arbitrary<BatchResults> = fc.option(
  fc.array(
    fc.oneof(
      fc.constant(null),
      fc.constantFrom("dropped" as const, "skipped" as const),
      fc.uint8Array({ maxLength: 9 }),
    ),
    { minLength: 1, maxLength: 5 },
  ),
);

export const responses: Kinds<Response> = {
  admitted: fc.record({
    kind: fc.constant("admitted"),
    republic,
    slot: positive,
    contacts: fc.array(citizen, { maxLength: 3 }),
  }),
  enqueued: fc.constant({ kind: "enqueued" }),
  records: fc.record({
    kind: fc.constant("records"),
    decided: whole,
    length: whole,
    slotLast: positive,
    snapshot: whole,
    damaged: fc.array(positive, { maxLength: 4 }),
    decrees: fc.array(framedDecree, { maxLength: 5 }),
  }),
  effect: fc.record({ kind: fc.constant("effect"), effect, results }),
  answer: fc.record({
    kind: fc.constant("answer"),
    index: whole,
    answer: fc.uint8Array({ maxLength: 40 }),
  }),
  refused: fc.record({ kind: fc.constant("refused"), reason, leader: fc.option(id) }),
  barrier: fc.record({ kind: fc.constant("barrier"), slot: whole, index: whole }),
  decrees: fc.record({
    kind: fc.constant("decrees"),
    decrees: fc.array(framedDecree, { maxLength: 5 }),
  }),
  entries: fc.record({
    kind: fc.constant("entries"),
    batches: fc.array(
      fc.record({
        index: positive,
        slot: positive,
        government: whole,
        when: instant,
        publisher: positive,
        sequence: positive,
        count: fc.integer({ min: 1, max: 16_384 }),
        body: fc.uint8Array({ maxLength: 40 }),
      }),
      { maxLength: 4 },
    ),
    indexLast: whole,
  }),
  chunk: fc.record({
    kind: fc.constant("chunk"),
    offset: whole,
    size: whole,
    bytes: fc.uint8Array({ maxLength: 40 }),
  }),
  document: fc.record({
    kind: fc.constant("document"),
    document: fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value))),
  }),
};
export const response: fc.Arbitrary<Response> = fc.oneof(...Object.values(responses));
