/** A configuration file that is none, or cannot be read: what is wrong with the whole of it. */

/** The message says what was wanted, what was found and what to do; a cause is the system's. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
