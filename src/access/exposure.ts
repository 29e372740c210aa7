/** Whether others than this computer could use the log without being asked who they are. */
import { isSecure } from "../../transport/index.ts";
import { checkedEndpoint } from "../checked-endpoint.ts";
import { KibitzerError } from "../kibitzer-error.ts";

export interface Exposure {
  /** Whether tokens are asked for. */
  readonly hasTokens: boolean;
  readonly allowInsecure: boolean;
}

/** Whether only this computer can reach what listens there. */
export function isLoopback(endpoint: string): boolean {
  if (endpoint.startsWith("unix:") || endpoint.startsWith("memory:")) return true;
  const host = URL.parse(endpoint)?.hostname ?? "";
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** @throws {KibitzerError} `KBZ_FORBIDDEN` where nothing protects one, and nobody insists. */
export function checkExposure(endpoints: readonly string[], exposure: Exposure): void {
  if (exposure.allowInsecure || exposure.hasTokens) return;
  for (const endpoint of endpoints) {
    if (isLoopback(endpoint) || isSecure(checkedEndpoint(endpoint))) continue;
    throw new KibitzerError(
      "KBZ_FORBIDDEN",
      `Listening at ${endpoint} lets others than this computer read and write the log without ` +
        "encryption. Use wss:// or tls://, tokens, or a loopback address; or insist with " +
        "--allow-insecure (allowInsecure: true).",
      { retryable: false, outcome: "none" },
    );
  }
}
