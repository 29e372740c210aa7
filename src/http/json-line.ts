/** A document as one line with its end, so that a shell's next output begins on its own. */
export function jsonLine(
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${JSON.stringify(document)}\n`, {
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store", ...headers },
  });
}
