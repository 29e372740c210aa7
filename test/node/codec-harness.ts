/** What every codec stands: cuts, flips and rubbish are refused by type, or mean what they say. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { DecodeError } from "../../src/codec/bytes.ts";

/** The pieces as one array of their own. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

/** A copy in which views became arrays of their own, so that it compares by value. */
export function owned<Value>(value: Value): Value {
  return structuredClone(value);
}

interface ByteCodec<Value> {
  encode(value: Value): readonly Uint8Array[];
  decode(bytes: Uint8Array): Value;
}

export function assertRoundTrip<Value>(codec: ByteCodec<Value>, value: Value): void {
  const bytes = joined(codec.encode(value));
  const decoded = codec.decode(bytes);
  assert.deepEqual(owned(decoded), owned(value));
  assert.deepEqual(joined(codec.encode(decoded)), bytes, "one value has one form");
}

/** Whatever is accepted must be exactly what is written for the value it was taken for. */
export function assertRefusedOrEqual<Value>(codec: ByteCodec<Value>, bytes: Uint8Array): void {
  let value: Value;
  try {
    value = codec.decode(bytes);
  } catch (error) {
    assert.ok(error instanceof DecodeError, `refused by type, not by ${String(error)}`);
    return;
  }
  // Encoded from a copy: what was decoded may be remembered with the bytes it came as.
  assert.deepEqual(joined(codec.encode(structuredClone(value))), bytes);
}

export function assertCutsRefused<Value>(codec: ByteCodec<Value>, value: Value): void {
  const bytes = joined(codec.encode(value));
  for (let length = 0; length < bytes.length; length += 1) {
    assert.throws(() => codec.decode(bytes.slice(0, length)), DecodeError, `cut at ${length}`);
  }
}

/** Flips single bits and whole bytes of `value`'s form, at places and by masks that are drawn. */
export function assertFlipsRefusedOrEqual<Value>(
  codec: ByteCodec<Value>,
  value: Value,
  flips: readonly (readonly [number, number])[],
): void {
  const bytes = joined(codec.encode(value));
  for (const [place, mask] of flips) {
    const flipped = Uint8Array.from(bytes);
    const at = place % bytes.length;
    flipped[at] = (flipped[at] ?? 0) ^ mask;
    assertRefusedOrEqual(codec, flipped);
  }
}

export const flips: fc.Arbitrary<[number, number][]> = fc.array(
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })),
  { minLength: 1, maxLength: 40 },
);
