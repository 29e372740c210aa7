/** The loads: what one client process does, and what it finds. */

export type Load =
  /** So many calls are always outstanding. */
  | { readonly kind: "closed"; readonly outstanding: number }
  /** Half as many entries a second as the load before had, whether or not they are acknowledged. */
  | { readonly kind: "half rate" }
  /** So many calls are always outstanding, each of so many entries. */
  | { readonly kind: "bulk"; readonly outstanding: number; readonly entriesEach: number };

export interface Work {
  readonly load: Load;
  /** Bytes of each entry. */
  readonly size: number;
  readonly seconds: number;
  /** The same load before it, that is not measured. */
  readonly warmUpSeconds: number;
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
