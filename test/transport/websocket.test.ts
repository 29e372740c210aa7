import { callerConformance } from "../conformance/caller.ts";
import { makeSocketHarness } from "./socket-harness.ts";

callerConformance("ws", () => Promise.resolve(makeSocketHarness("ws")));
