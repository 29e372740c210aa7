/** Pairs the events of a history up to operations; judges nothing. */
import assert from "node:assert/strict";
import type { HistoryEvent } from "./history.ts";

interface Span {
  readonly process: number;
  /** The highest index that anybody was told before it began. */
  readonly before: number;
  readonly ended: "ok" | "fail" | "info";
  /** Nanoseconds, of its end. */
  readonly time: number;
}

export type Operation = Span &
  (
    | { readonly f: "publish"; readonly text: string; readonly index: number | null }
    | { readonly f: "barrier"; readonly length: number | null }
    | { readonly f: "read"; readonly from: number; readonly texts: readonly string[] | null }
  );

type Invocation = Extract<HistoryEvent, { type: "invoke" }>;
type Completion = Exclude<HistoryEvent, { type: "invoke" }>;

/** In the order in which they ended; those that never did come last, as unknown. */
export function operationsOf(events: readonly HistoryEvent[]): readonly Operation[] {
  const open = new Map<number, { readonly invocation: Invocation; readonly before: number }>();
  const operations: Operation[] = [];
  let told = 0;
  for (const event of events) {
    const { process } = event;
    const begun = open.get(process);
    if (event.type === "invoke") {
      assert(begun === undefined, `process ${process} does one thing at a time`);
      open.set(process, { invocation: event, before: told });
      continue;
    }
    assert(begun !== undefined, `process ${process} has begun what it ends`);
    open.delete(process);
    operations.push(operationOf(begun.invocation, event, begun.before));
    told = Math.max(told, toldBy(begun.invocation, event));
  }
  for (const { invocation, before } of open.values()) {
    const { process, f, time } = invocation;
    const end = { process, type: "info", f, value: "never ended", time } as const;
    operations.push(operationOf(invocation, end, before));
  }
  return operations;
}

function operationOf(invocation: Invocation, end: Completion, before: number): Operation {
  const span = { process: end.process, before, ended: end.type, time: end.time };
  assert.equal(end.f, invocation.f, "what ends is what began");
  switch (invocation.f) {
    case "publish": {
      const index = end.type === "ok" && end.f === "publish" ? end.value : null;
      return { ...span, f: "publish", text: invocation.value, index };
    }
    case "barrier": {
      const length = end.type === "ok" && end.f === "barrier" ? end.value : null;
      return { ...span, f: "barrier", length };
    }
    case "read": {
      const texts = end.type === "ok" && end.f === "read" ? end.value : null;
      return { ...span, f: "read", from: invocation.value.from, texts };
    }
  }
}

/** Up to where somebody knows now that the log goes. */
function toldBy(invocation: Invocation, end: Completion): number {
  if (end.type !== "ok") return 0;
  if (end.f !== "read") return end.value;
  return invocation.f === "read" ? invocation.value.from + end.value.length - 1 : 0;
}
