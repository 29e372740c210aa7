/** A logger whose lines all say which node they are of, and which cluster, once it is in one. */
import type { Logger } from "../logger.ts";
import type { NodeRecord } from "../storage/directory.ts";

export function boundLogger(
  logger: Logger,
  record: () => Pick<NodeRecord, "id" | "republic">,
): Logger {
  const bound = (level: keyof Logger): Logger[keyof Logger] => {
    return (fields, message) => {
      const { id: node, republic } = record();
      const about = republic === null ? { node } : { node, cluster: republic.name };
      logger[level]({ ...about, ...fields }, message);
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
