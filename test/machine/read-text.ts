/** Pieces as one text. */
export async function readText(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const gathered: Uint8Array[] = [];
  for await (const piece of pieces) gathered.push(piece);
  return Buffer.concat(gathered).toString();
}
