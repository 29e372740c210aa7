/**
 * The audit line: what an operator asked of this node, who it was, and from where. Written when it
 * is asked, whatever comes of it: what did come of it, the log itself says.
 */
import type { Hello } from "../../transport/index.ts";
import type { Logger } from "../logger.ts";
import type { Request } from "../requests.ts";
import type { Grant } from "./access.ts";

export class Audit {
  readonly #logger: Logger;
  /** What each connection asked last: the same is asked again until it is seen to be done. */
  readonly #last = new WeakMap<Hello, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  asked(request: Request, from: Hello, grant: Grant | null): void {
    // Forwarded by a node that has written it down, or a node's own catching up.
    if (from.node !== null) return;
    const fields = fieldsOf(request);
    const text = JSON.stringify(fields);
    if (this.#last.get(from) === text) return;
    this.#last.set(from, text);
    const who = grant?.who ?? "a client";
    const address = grant?.asker.address ?? "unknown";
    writeAudit(this.#logger, { ...fields, who, address });
  }
}

export interface AuditFields {
  readonly action: string;
  readonly who: string;
  readonly address: string;
  readonly target?: string | null;
}

/** The name of the event is stable: `audit`. */
export function writeAudit(logger: Logger, fields: AuditFields): void {
  const { action, target = null, who } = fields;
  const what = target === null ? action : `${action} ${target}`;
  logger.info({ event: "audit", ...fields }, `${who} asked for: ${what}`);
}

export function promotedTarget(id: string, insteadOf: string | null): string {
  return insteadOf === null ? id : `${id} instead of ${insteadOf}`;
}

/** By what only this action has. */
function fieldsOf(request: Request): Pick<AuditFields, "action" | "target"> {
  const { method: action } = request;
  if (action === "decrees" || action === "snapshot") return { action: "backup" };
  if (action === "invite") return { action: "add", target: request.url };
  if (action === "transfer") return { action, target: request.to };
  if (action === "promote") {
    return { action, target: promotedTarget(request.id, request.insteadOf) };
  }
  return "id" in request ? { action, target: request.id } : { action };
}
