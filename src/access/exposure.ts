/** Whether others than this computer could use the log without being asked who they are. */
import { isSecure } from "../../transport/index.ts";
import { checkedEndpoint } from "../checked-endpoint.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { nameOf } from "../http/hosts.ts";
import type { Logger } from "../logger.ts";
import { isLoopback } from "../loopback.ts";

export interface Exposure {
  /** Whether tokens are asked for. */
  readonly hasTokens: boolean;
  readonly allowInsecure: boolean;
}

/** Whether only this computer can reach what listens there. */
export function isHere(endpoint: string): boolean {
  if (endpoint.startsWith("unix:") || endpoint.startsWith("memory:")) return true;
  return isLoopback(nameOf(endpoint) ?? "");
}

/** @throws {KibitzerError} `KBZ_FORBIDDEN` where nothing protects one, and nobody insists. */
export function checkExposure(endpoints: readonly string[], exposure: Exposure): void {
  if (exposure.allowInsecure || exposure.hasTokens) return;
  for (const endpoint of endpoints) {
    if (isHere(endpoint) || isSecure(checkedEndpoint(endpoint))) continue;
    throw new KibitzerError(
      "KBZ_FORBIDDEN",
      `Listening at ${endpoint} lets others than this computer read and write the log without ` +
        "encryption. Use wss:// or tls://, tokens, or a loopback address; or insist with " +
        "--allow-insecure (allowInsecure: true).",
      { retryable: false, outcome: "none" },
    );
  }
}

/**
 * Says, at each start, where whoever gets there may do everything: TLS alone asks nobody who it is.
 * The name of the event is stable: `open`.
 */
export function warnIfOpen(endpoints: readonly string[], isOpen: boolean, logger: Logger): void {
  const open = isOpen ? endpoints.filter((endpoint) => !isHere(endpoint)) : [];
  if (open.length === 0) return;
  logger.warn(
    { event: "open", endpoints: open },
    `whoever reaches ${open.join(", ")} may read and write the log, and change the members: ask ` +
      "for certificates with --tls-ca (tls.ca), or for tokens with --tokens (tokens)",
  );
}
