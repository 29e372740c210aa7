/** The error for an address that is unavailable, with the advice that fits what the system said. */
import { TransportError } from "./transport-error.ts";

const advice: Readonly<Record<string, string>> = {
  EADDRINUSE: "Another process listens there: stop it or choose another address.",
  EACCES: "This user may not listen there: choose a port above 1023, or another directory.",
  EADDRNOTAVAIL: "This computer does not have that address: choose one of its own.",
  ENOTFOUND: "The name cannot be resolved: check it.",
  ENOENT: "Its directory does not exist: make it.",
};

export function addressError(url: string, cause: unknown): TransportError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const found = cause instanceof Error ? cause.message : String(cause);
  return new TransportError(
    "KBZ_ADDRESS",
    `Wanted to listen on ${url}: ${found}. ${advice[code] ?? "Choose another address."}`,
    { outcome: "none", cause },
  );
}
