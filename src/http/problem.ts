/**
 * Errors over HTTP: an `application/problem+json` with the code, whether a retry may help, and the
 * truth about what was done. Decides the status of each code, and nothing else.
 */
import { KibitzerError, type KibitzerErrorCode } from "../kibitzer-error.ts";

/** What a node answers where the code alone says; 5xx where the node, or the republic, cannot. */
const statuses: Readonly<Partial<Record<KibitzerErrorCode, number>>> = {
  KBZ_ARGUMENT: 400,
  KBZ_FORBIDDEN: 403,
  KBZ_NOT_FOUND: 404,
  KBZ_CONFLICT: 409,
  KBZ_PUBLISHER: 409,
  KBZ_TRUNCATED: 410,
  KBZ_TOO_LARGE: 413,
  KBZ_BUSY: 503,
  KBZ_NO_QUORUM: 503,
  KBZ_CLOSED: 503,
  KBZ_UNREACHABLE: 503,
  KBZ_REPUBLIC: 503,
  KBZ_DISK_FULL: 507,
};

/** What an error leaves open. */
export interface ProblemOptions {
  /** Default: by the error's code. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Members of the document beside the usual ones. */
  readonly more?: Readonly<Record<string, number | string>>;
}

/** An error that knows how it is told. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly error: KibitzerError;
  readonly options: ProblemOptions;

  constructor(error: KibitzerError, options: ProblemOptions) {
    super(error.message, { cause: error });
    this.error = error;
    this.options = options;
  }
}

/** The request is wrong: it will be wrong the next time, too. */
export function badRequest(
  message: string,
  options: ProblemOptions & { readonly code?: KibitzerErrorCode } = {},
): HttpProblem {
  const { code = "KBZ_ARGUMENT", ...rest } = options;
  return new HttpProblem(
    new KibitzerError(code, message, { retryable: false, outcome: "none" }),
    rest,
  );
}

export function problemResponse(error: KibitzerError | HttpProblem): Response {
  const { error: known, options } = partsOf(error);
  const document = problemDocument(error);
  const { status } = document;
  const isLater = known.retryable && [429, 503, 504, 507].includes(status);
  return new Response(`${JSON.stringify(document)}\n`, {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      ...(isLater ? { "Retry-After": "1" } : {}),
      ...options.headers,
    },
  });
}

/** The members of RFC 9457, and those of every error of Kibitzer. */
export function problemDocument(
  error: KibitzerError | HttpProblem,
): Readonly<Record<string, unknown>> & { readonly status: number } {
  const { error: known, options } = partsOf(error);
  const { code, message: detail, retryable, outcome } = known;
  const { status = statusOf(known), more = {} } = options;
  const type = "about:blank";
  return { type, title: code, status, detail, code, retryable, outcome, ...more };
}

function partsOf(error: KibitzerError | HttpProblem): Pick<HttpProblem, "error" | "options"> {
  const { error: known, options } = error instanceof HttpProblem ? error : { error, options: {} };
  return { error: known.code === "KBZ_CLOSED" ? stopping(known) : known, options };
}

/** Whoever asks over HTTP has not closed this node, and has others to ask. */
function stopping({ retryable, outcome, cause }: KibitzerError): KibitzerError {
  const isSafe = retryable || outcome === "none";
  const then = isSafe
    ? "Ask another node, or this one again later."
    : "What was submitted may be decided: look for it in the log, at another node.";
  const message = `This node is stopping. ${then}`;
  return new KibitzerError("KBZ_CLOSED", message, { retryable: isSafe, outcome, cause });
}

function statusOf({ code, outcome }: KibitzerError): number {
  const status = statuses[code] ?? 500;
  // Somebody else may yet do what was asked; this node cannot say.
  return status === 503 && outcome === "unknown" ? 504 : status;
}
