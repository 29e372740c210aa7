/** What is wrong with settings, told so that whoever gave them finds it. */

export interface Problem {
  /** Null where it is no setting's, but that of a whole file or a variable. */
  readonly key: string | null;
  /** Where it comes from: a flag, a variable of the environment, or `FILE:LINE`. */
  readonly place: string | null;
  /** What was wanted, what was found and what to do. */
  readonly message: string;
  /** The error that told it, where one did: how a command ends that cannot go on. */
  readonly cause?: unknown;
}

/** One line. A flag and a variable say the key by their names; a line of a file need not. */
export function problemText({ key, place, message }: Problem): string {
  const isNamed = place === null || key === null || /^(--|KIBITZER_)/.test(place);
  const head = isNamed ? place : `${place}: "${key}"`;
  return head === null ? message : `${head}: ${message}`;
}

/** A value for an error message: short, whatever it is. */
export function shown(value: unknown): string {
  const text = textOf(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch (error) {
    if (error instanceof RangeError) return "something nested too deeply";
    throw error;
  }
}

/** What was wanted, and what was found where that does not say it already. */
export function withFound(message: string, written: unknown): string {
  const found = shown(written);
  return message.includes(found) ? message : `${message} Found ${found}.`;
}
