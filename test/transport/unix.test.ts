import { callerConformance } from "../conformance/caller.ts";
import { makeSocketHarness } from "./socket-harness.ts";

callerConformance("unix", () => Promise.resolve(makeSocketHarness("unix")));
