/** Recordings of a small republic: replayed they give the same outcomes, or say where not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeEnvelope, encodeEnvelope } from "../../src/recording/envelope-codec.ts";
import { ConsensusState } from "../../src/consensus-state.ts";
import type { CheckpointEnvelope, Envelope } from "../../src/recording/envelope.ts";
import { EnvelopeRecorder } from "../../src/recording/envelope-recorder.ts";
import { digestOutcome } from "../../src/recording/outcome-digest.ts";
import { KibitzerError, type KibitzerErrorCode } from "../../src/kibitzer-error.ts";
import { recordedEnvelopes, replayEnvelopes, replayRecording } from "../../src/recording/replay.ts";
import type { MemoryFiles } from "../storage/memory-files.ts";
import { joined } from "./codec-harness.ts";
import { clock as republicClock, RecordedRepublic } from "./recorded-republic.ts";

function refusedWith(code: KibitzerErrorCode, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KibitzerError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

async function everything(files: MemoryFiles, path: string): Promise<Envelope[]> {
  const envelopes: Envelope[] = [];
  for await (const envelope of recordedEnvelopes(path, files)) envelopes.push(envelope);
  return envelopes;
}

test("each member's recording replays to its own state, step by step", async () => {
  const republic = await RecordedRepublic.found();
  republic.publish(40);
  await republic.close();
  for (const [id, { state, steps }] of republic.nodes) {
    const result = await replayRecording(`/${id}`, { files: republic.files });
    assert.deepEqual(result, {
      envelopes: steps,
      hash: state.hash.value,
      slot: state.hash.slot,
      complete: true,
    });
    assert.ok(state.hash.slot > 40, "the republic decided something");
    const replayed = await replayEnvelopes(await everything(republic.files, `/${id}/recording`));
    assert.deepEqual(replayed.hash, state.hash);
    assert.deepEqual(replayed.checkpoint(), state.checkpoint());
  }
});

test("a checkpoint at any step goes on as if nothing had been", async () => {
  const republic = await RecordedRepublic.found();
  republic.publish(8);
  await republic.close();
  const [first, ...rest] = await everything(republic.files, "/a/recording");
  assert.ok(first?.method === "checkpoint");
  let state = ConsensusState.fromCheckpoint(first);
  const unbroken = ConsensusState.fromCheckpoint(first);
  for (const envelope of rest) {
    const checkpoint = decodeEnvelope(joined(encodeEnvelope(state.checkpoint())));
    assert.ok(checkpoint.method === "checkpoint");
    state = ConsensusState.fromCheckpoint(checkpoint);
    assert.equal(state.play(envelope).digest, unbroken.play(envelope).digest);
  }
  assert.ok(rest.length > 100);
});

test("a recording in many parts replays from its earliest, or from any one part", async () => {
  const republic = await RecordedRepublic.found({ bytesMax: 8 * 9000 });
  republic.publish(60);
  await republic.close();
  const { state, steps } = republic.node("a");
  const names = await republic.files.list("/a/recording");
  assert.ok(names.length > 2, "the recording has parts");
  const whole = await replayRecording("/a", { files: republic.files });
  assert.equal(whole.hash, state.hash.value);
  assert.ok(whole.envelopes <= steps && whole.complete);
  const last = await replayRecording(`/a/recording/${names.at(-1)}`, { files: republic.files });
  assert.equal(last.hash, state.hash.value);
  assert.ok(last.envelopes < whole.envelopes && last.complete);
});

test("a second life goes on from its own checkpoint", async () => {
  const republic = await RecordedRepublic.found();
  republic.publish(3);
  await republic.restart("b");
  republic.publish(5);
  await republic.close();
  const { state, steps } = republic.node("b");
  const result = await replayRecording("/b/", { files: republic.files });
  assert.equal(result.hash, state.hash.value);
  assert.equal(result.envelopes, steps);
  assert.equal(result.complete, true);
});

test("until stops after so many envelopes", async () => {
  const republic = await RecordedRepublic.found();
  republic.publish(5);
  await republic.close();
  const { files } = republic;
  const result = await replayRecording("/a", { files, until: 17 });
  assert.equal(result.envelopes, 17);
  const none = await replayRecording("/a", { files, until: 0 });
  assert.deepEqual([none.envelopes, none.slot], [0, 0]);
});

test("a recording cut at any byte replays to its last whole envelope", async () => {
  const republic = await RecordedRepublic.found();
  republic.publish(20);
  await republic.close();
  const [name] = await republic.files.list("/a/recording");
  const path = `/a/recording/${name}`;
  const bytes = republic.files.bytesOf(path);
  let before = 0;
  for (let cut = 1; cut < bytes.length + 60; cut += 61) {
    const files = republic.files.killed();
    files.put(path, bytes.slice(0, Math.min(cut, bytes.length - 1)));
    const result = await replayRecording("/a", { files });
    assert.equal(result.complete, false);
    assert.ok(result.envelopes >= before);
    before = result.envelopes;
  }
  assert.ok(before > 50, `${before} envelopes`);
});

test("a flip anywhere is damage, with file and offset", async () => {
  const republic = await RecordedRepublic.found();
  await republic.close();
  const [name] = await republic.files.list("/a/recording");
  const path = `/a/recording/${name}`;
  const bytes = republic.files.bytesOf(path);
  for (let at = 0; at < bytes.length; at += 997) {
    const files = republic.files.killed();
    const flipped = Uint8Array.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    files.put(path, flipped);
    await assert.rejects(
      replayRecording("/a", { files }),
      refusedWith("KBZ_DAMAGED", /recording-00000001 is damaged at byte \d+/),
    );
  }
});

test("another outcome than recorded names step, input and both digests", async () => {
  const republic = await RecordedRepublic.found({ lieAt: 30 });
  await republic.close();
  await assert.rejects(
    replayRecording("/a", { files: republic.files }),
    refusedWith(
      "KBZ_DIVERGED",
      /Step 30 \(\w+, .*recorded 0{15}1, replayed [0-9a-f]{16}.*input: \{/,
    ),
  );
});

test("an input whose application threw is on record, and throws again", async () => {
  const republic = await RecordedRepublic.found();
  const { state, recorder } = republic.node("a");
  const impossible = { kind: "persisted", now: 1e9, when: 1, write: 1e9 } as const;
  recorder.recordLegislator(impossible);
  assert.throws(() => state.stepLegislator(impossible), /only what was written becomes durable/);
  await republic.close();
  const { steps } = republic.node("a");
  const result = await replayRecording("/a", { files: republic.files });
  assert.equal(result.envelopes, steps + 1);
  assert.equal(result.complete, true);
});

/** Records as a version did whose leaders knew of no bursts. */
class OlderState extends ConsensusState {
  override checkpoint(): CheckpointEnvelope {
    const known = JSON.stringify(super.checkpoint(), (key, value: unknown) =>
      key === "bursts" ? undefined : value,
    );
    return JSON.parse(known);
  }
}

test("a recording of a state that lacks what this version needs diverges, by version", async () => {
  const { files, nodes } = await RecordedRepublic.found();
  const state = nodes.get("a")?.state;
  assert.ok(state !== undefined && state.islander !== null);
  const older = new OlderState(state.legislator, state.islander);
  await using recorder = await EnvelopeRecorder.open({
    files,
    directory: "/older",
    clock: republicClock,
    subject: { id: "a", starts: 2 },
    state: older,
    onError: (error) => assert.fail(error),
  });
  const value = { kind: "registration", nonce: "00000000000000cc" } as const;
  const input = { kind: "enqueue", now: 1e6, when: 1, value } as const;
  recorder.recordLegislator(input);
  recorder.outcome(digestOutcome(state.stepLegislator(input)));
  await recorder.flushed();
  await assert.rejects(
    replayRecording("/older", { files }),
    refusedWith("KBZ_DIVERGED", /Step 1 \(enqueue, .*replayed a failure \(TypeError.*Version 0/),
  );
});

test("without a recording, or without a checkpoint first, there is nothing to replay", async () => {
  const republic = await RecordedRepublic.found();
  await republic.close();
  const { files } = republic;
  await assert.rejects(
    replayRecording("/nowhere", { files }),
    refusedWith("KBZ_NOT_FOUND", /no recording at \/nowhere/),
  );
  const [, second] = await everything(files, "/a/recording");
  await assert.rejects(
    replayEnvelopes(second === undefined ? [] : [second]),
    refusedWith("KBZ_ARGUMENT", /begin with a checkpoint/),
  );
});

test("an envelope that cannot be played is refused by type, with its number", async () => {
  const republic = await RecordedRepublic.found();
  await republic.close();
  const [first] = await everything(republic.files, "/a/recording");
  assert.ok(first?.method === "checkpoint");
  const impossible: Envelope = {
    module: "kibitz",
    method: "persisted",
    when: 1,
    body: { now: 1, write: 1e9 },
  };
  const hollow: Envelope = { ...first, body: { legislator: null, islander: null } };
  await assert.rejects(
    replayEnvelopes([first, impossible]),
    refusedWith("KBZ_ARGUMENT", /Envelope 2 \(persisted\) cannot be played/),
  );
  await assert.rejects(
    replayEnvelopes([hollow]),
    refusedWith("KBZ_ARGUMENT", /Envelope 1 \(checkpoint\) cannot be played/),
  );
});

test("bodies are on record when they are asked for", async () => {
  const republic = await RecordedRepublic.found({ recordBodies: true });
  republic.publish(3);
  await republic.close();
  const found = (await everything(republic.files, "/a/recording")).flatMap((envelope) =>
    envelope.method === "enqueue" ? (envelope.body.bodies ?? []) : [],
  );
  const texts = found.flatMap((body) => (body === null ? [] : [new TextDecoder().decode(body)]));
  assert.deepEqual(texts, ["entry 1", "entry 2", "entry 3"]);
  const result = await replayRecording("/a", { files: republic.files });
  assert.equal(result.hash, republic.node("a").state.hash.value);
});
