import { callerConformance } from "../conformance/caller.ts";
import { makeSocketHarness } from "./socket-harness.ts";

callerConformance("tcp", () => Promise.resolve(makeSocketHarness("tcp")));
