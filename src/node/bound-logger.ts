/** A logger whose lines all say which node they are of, and which cluster, once it is in one. */
import type { Logger } from "../logger.ts";

/** As far as they are known. */
interface Whose {
  readonly id?: string | undefined;
  readonly republic: { readonly name: string } | null;
}

export function boundLogger(logger: Logger, whose: () => Whose): Logger {
  const bound = (level: keyof Logger): Logger[keyof Logger] => {
    return (fields, message) => {
      const { id, republic } = whose();
      const node = id === undefined ? {} : { node: id };
      const cluster = republic === null ? {} : { cluster: republic.name };
      logger[level]({ ...node, ...cluster, ...fields }, message);
    };
  };
  return {
    debug: bound("debug"),
    info: bound("info"),
    warn: bound("warn"),
    error: bound("error"),
    fatal: bound("fatal"),
  };
}
