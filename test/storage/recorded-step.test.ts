// Steps in a frame: found again as they were put there, and refused when they do not fill it.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError } from "../../src/codec/bytes.ts";
import { putStepHead, stepHeadBytes, stepsIn } from "../../src/recording/recorded-step.ts";

const steps = fc.array(
  fc.record({
    body: fc.uint8Array({ maxLength: 40 }),
    digest: fc.option(fc.constantFrom("0123456789abcdef", "ffffffffffffffff")),
  }),
  { minLength: 1, maxLength: 6 },
);

function frameOf(wanted: readonly { body: Uint8Array; digest: string | null }[]): Uint8Array {
  const parts = wanted.map(({ body, digest }) => {
    const head = new Uint8Array(stepHeadBytes);
    putStepHead(head, stepHeadBytes + body.length, digest);
    return Buffer.concat([head, body]);
  });
  return Buffer.concat(parts);
}

test("the steps of a frame are those that were put into it, each at its place", () => {
  fc.assert(
    fc.property(steps, (wanted) => {
      const frame = frameOf(wanted);
      const found = [...stepsIn(frame)];
      assert.equal(found.length, wanted.length);
      let at = 0;
      for (const [position, { body, digest }] of wanted.entries()) {
        const step = found[position];
        assert.ok(step !== undefined);
        assert.equal(step.at, at);
        assert.deepEqual(Buffer.from(step.bytes.subarray(9)), Buffer.from(body));
        assert.equal(step.bytes[0], digest === null ? 0 : 1);
        at += stepHeadBytes + body.length;
      }
    }),
  );
});

test("steps that end beyond their frame are refused, those before are given", () => {
  fc.assert(
    fc.property(steps, fc.nat(), (wanted, cut) => {
      const frame = frameOf(wanted);
      const ends = new Set<number>([0]);
      for (const { at, bytes } of stepsIn(frame)) ends.add(at + 4 + bytes.length);
      const length = cut % frame.length;
      const read = (): number => [...stepsIn(frame.subarray(0, length))].length;
      if (ends.has(length)) assert.ok(read() < wanted.length);
      else assert.throws(read, DecodeError);
    }),
  );
});
