/** What a node or a client is given to show to others, as its user says it. Types only. */

/** Each is the path of a file, which is read again when it changes, or PEM itself. */
export interface TlsOptions {
  /** With those that signed it, up to the authority. */
  readonly cert?: string;
  readonly key?: string;
  /** The authority of the nodes; of the clients, too, unless those have one of their own. */
  readonly ca?: string;
  /** At a node: another authority of clients. */
  readonly clientCa?: string;
}

/** Read again when it changes. */
export interface TokenFile {
  readonly file: string;
}

/** A token, or the file that holds it. */
export type TokenOption = string | TokenFile;
