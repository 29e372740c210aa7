/** The memory network passes the suite of all transports, and does what only a simulator needs. */
import { MemoryNetwork } from "../../transport/index.ts";
import type { MemoryFrame } from "../../transport/index.ts";
import { callerConformance, parcelOptions } from "../conformance/caller.ts";
import type { Harness, Parcel } from "../conformance/caller.ts";
import { placesConformance } from "../conformance/places.ts";

function makeHarness(): Promise<Harness> {
  let stallBytes = Number.POSITIVE_INFINITY;
  const carried = { control: 0, bulk: 0 };
  const deliver = (frame: MemoryFrame, run: () => void): void => {
    if (frame.to === "b") carried[frame.lane] += frame.bytes;
    if (frame.to !== "b" || carried[frame.lane] < stallBytes) queueMicrotask(run);
  };
  const network = new MemoryNetwork<Parcel, Parcel>({ ...parcelOptions, deliver });
  return Promise.resolve({
    url: "memory:b",
    transport: (side, options) => network.transport(side === "caller" ? "a" : "b", options),
    via: (url) => Promise.resolve(url),
    cut() {
      network.cut("a", "b");
      network.heal("a", "b");
    },
    stallAfter(bytes) {
      stallBytes = bytes;
    },
    rubbish: null,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

callerConformance("memory", makeHarness);
placesConformance("memory", makeHarness);
