/** What a command itself finds wrong, as against the errors of the library that it calls. */

/**
 * Ends the command with `exitCode`; the message says what was wanted, what was found, what to do.
 */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(exitCode: number, message: string, details: { readonly cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.exitCode = exitCode;
  }
}
