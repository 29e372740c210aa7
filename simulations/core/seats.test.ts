/** The checks of seats can fail: hand-made governments, each of which breaks M8 (H3). */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  emptyRepublic,
  Republic,
  type LegislatorInput,
  type Member,
  type Message,
  type Outcome,
  type Succession,
} from "../../consensus/index.ts";
import { Prng } from "../prng.ts";
import { clockwork, CoreNode } from "./core-node.ts";
import { quiet } from "./quiet-outcome.ts";
import { checkSeats, Silences } from "./seats.ts";
import { Violation } from "./violation.ts";

const prng = new Prng("seats");

function member(id: string, change: Partial<Member> = {}): Member {
  const known = { id, cookie: id.repeat(16), url: `sim://${id}`, properties: {} };
  return { ...known, admitted: 2, naturalized: true, eligible: true, ...change };
}

/** a, b and c have seats; d waits, e has not caught up, f is to have none. */
function republic(change: Partial<Member> = {}): Republic {
  const members = ["a", "b", "d"].map((id) => member(id));
  const others = [
    member("c", change),
    member("e", { naturalized: false }),
    member("f", { eligible: false }),
  ];
  const seats = { parliament: ["a", "b", "c"], leader: "a", leaving: [], slot: 9 };
  const government = { number: 2, ...seats };
  return new Republic({ ...emptyRepublic(), members: [...members, ...others], government });
}

function next(parliament: readonly string[], leaving: readonly string[] = []): Succession {
  return { kind: "succession", government: 3, parliament, leader: "a", leaving };
}

function breaks(action: () => void): void {
  assert.throws(action, (error) => error instanceof Violation && error.invariant === "M8");
}

test("M8: seats for who has not caught up, is not let, or is nobody", () => {
  checkSeats(republic(), next(["a", "b", "d"]));
  for (const id of ["e", "f", "g"]) breaks(() => checkSeats(republic(), next(["a", "b", id])));
});

test("M8: a parliament that shrinks unasked, or changes all at once", () => {
  breaks(() => checkSeats(republic(), next(["a", "b"])));
  checkSeats(republic(), next(["a", "b"], ["c"]));
  checkSeats(republic({ eligible: false }), next(["a", "b"]));
  breaks(() => checkSeats(republic(), next(["a"], ["b", "c"])));
});

/** Node a pings b in each of `rounds` rounds, and hears from it in those of `answered`. */
function ask(rounds: number, answered: readonly number[]): [Silences, CoreNode] {
  const silences = new Silences();
  const node = new CoreNode("a", prng.fork("a"), { ...clockwork, replaceTicks: 500 });
  const report = { kind: "ping" } as unknown as Extract<Message, { kind: "ping" }>["report"];
  for (let round = 1; round <= rounds; round += 1) {
    const message = { kind: "ping", round, report, answer: null } as const;
    const send: Outcome["send"] = [{ to: "b", lane: "control", message }];
    const event: LegislatorInput = { kind: "event", jitter: 0, now: 50 * round, when: 0 };
    silences.onOutcome(node, event, { ...quiet, send });
    if (!answered.includes(round)) continue;
    const answer = { starts: node.starts, round, heard: null };
    const pong = { kind: "pong", round, report, answer } as const;
    const input = { kind: "receive", from: "b", cookie: "b", message: pong } as const;
    silences.onOutcome(node, { ...input, now: 50 * round, when: 0 }, quiet);
  }
  return [silences, node];
}

test("M8: the seat of who answered lately is taken, though nobody asked for it", () => {
  const [silent, leader] = ask(20, [1, 10]);
  silent.check(leader, ["b"]);
  const [heard, other] = ask(20, [1, 11]);
  breaks(() => heard.check(other, ["b"]));
  const demote = { kind: "demote", id: "b", now: 1000, when: 0 } as const;
  heard.onOutcome(other, demote, quiet);
  heard.check(other, ["b"]);
});

test("M8: a seat is taken by a leader that is to take none", () => {
  const [silences, { id }] = ask(50, []);
  const careful = new CoreNode(id, prng.fork("a"));
  breaks(() => silences.check(careful, ["b"]));
});
