/** Where certificates come from, and that they may change. Types only. */

/** All as PEM. */
export interface TlsMaterial {
  /** What this side presents, with those that signed it up to the root, and its key. */
  readonly certificate: string | null;
  readonly key: string | null;
  /** Who signs nodes, and clients unless those have their own. Null: the public ones. */
  readonly ca: string | null;
  /** Who else signs clients: they are let in, but whom they signed is called by nobody. */
  readonly clientCa: string | null;
}

export interface TlsSource {
  /** What is used from now on; connections that are there stay as they are. */
  readonly current: TlsMaterial;
  /** @returns How not to be told of changes any more. */
  onChange(changed: () => void): () => void;
}
