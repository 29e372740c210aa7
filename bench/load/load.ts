/** The loads: what one client process does, and what it finds. */

export type Load =
  /** So many calls are always outstanding. */
  | { readonly kind: "closed"; readonly outstanding: number }
  /** So many entries a second, whether or not they are acknowledged. */
  | { readonly kind: "rate"; readonly entriesPerSecond: number }
  /** The same, half as many as the load before had. */
  | { readonly kind: "half rate" }
  /** So many calls are always outstanding, each of so many entries. */
  | { readonly kind: "bulk"; readonly outstanding: number; readonly entriesEach: number };

export interface Work {
  readonly load: Load;
  /** Bytes of each entry. */
  readonly size: number;
  /** How long it is played; with `entries`, how long that may take. */
  readonly seconds: number;
  /** The same load before it, that is not measured. */
  readonly warmUpSeconds: number;
  /** Ends a closed load, or one in bulk, after so many. */
  readonly entries?: number;
  /** Whether entries say when they were published: each, or in bulk the last of a call. */
  readonly isStamped?: boolean;
}

export interface Measured {
  /** Acknowledged entries a second. */
  readonly rate: number;
  /** Milliseconds to the acknowledgement, from the call; in an open load from when it was due. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Seconds of processor time of all servers for 10,000 entries. */
  readonly cpuPer10k: number;
  /** That of the client process. */
  readonly clientCpuPer10k: number;
  /** Of the largest server, after the load. */
  readonly rssMiB: number;
}
