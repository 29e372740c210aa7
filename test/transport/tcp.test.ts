/** TCP keeps what every Caller and Callee promises. */
import { callerConformance } from "../conformance/caller.ts";
import { makeSocketHarness } from "./socket-harness.ts";

callerConformance("tcp", () => Promise.resolve(makeSocketHarness("tcp")));
