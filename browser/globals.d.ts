/** What Node.js has and a browser lacks, where the client asks first whether it is there. */
declare const setImmediate: ((callback: () => void) => unknown) | undefined;
declare const Buffer:
  ((() => void) & { allocUnsafeSlow(bytes: number): Uint8Array<ArrayBuffer> }) | undefined;
declare const process:
  | {
      getBuiltinModule?(name: "node:zlib"): {
        crc32(bytes: Uint8Array, seed: number): number;
      };
    }
  | undefined;

/** Only listeners mention them, whose types stand beside those of callers. */
declare module "node:http" {
  export interface IncomingMessage {}
  export interface ServerResponse {}
}
