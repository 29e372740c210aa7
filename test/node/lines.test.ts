/** Lines are the bytes between newlines, whatever the chunks they come in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineTooLong, splitLines } from "../../src/lines.ts";

async function* chunked(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield chunk;
}

async function linesOf(chunks: readonly Uint8Array[], bytesMax = 1000): Promise<string[]> {
  const lines: string[] = [];
  for await (const group of splitLines(chunked(chunks), bytesMax)) {
    for (const line of group) lines.push(Buffer.from(line).toString("latin1"));
  }
  return lines;
}

test("a carriage return, an empty line and a last line without newline are kept", async () => {
  const lines = await linesOf([Buffer.from("a\r\n\nb\n\nlast")]);
  assert.deepEqual(lines, ["a\r", "", "b", "", "last"]);
});

test("nothing gives no line, one newline gives an empty one", async () => {
  assert.deepEqual(await linesOf([]), []);
  assert.deepEqual(await linesOf([new Uint8Array(0)]), []);
  assert.deepEqual(await linesOf([Buffer.from("\n")]), [""]);
});

test("chunks make no difference", async () => {
  const byte = fc.oneof(fc.constant(10), fc.integer({ min: 0, max: 255 }));
  const chunk = fc.array(byte, { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes));
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 12 }), async (chunks) => {
      const text = Buffer.concat(chunks).toString("latin1");
      const expected = text.split("\n");
      if (expected.at(-1) === "") expected.pop();
      assert.deepEqual(await linesOf(chunks), expected);
    }),
  );
});

test("a line over the limit is named, and those before it are given", async () => {
  const seen: string[] = [];
  const read = async (): Promise<void> => {
    const chunks = [Buffer.from("ok\n12345"), Buffer.from("6\nnever\n")];
    for await (const group of splitLines(chunked(chunks), 5)) {
      for (const line of group) seen.push(Buffer.from(line).toString());
    }
  };
  await assert.rejects(read(), (error) => error instanceof LineTooLong && error.line === 2);
  assert.deepEqual(seen, ["ok"]);
});

test("a line of exactly the limit passes", async () => {
  assert.deepEqual(await linesOf([Buffer.from("12345\n1234"), Buffer.from("5")], 5), [
    "12345",
    "12345",
  ]);
});
