/**
 * While a state machine applies an entry, everything throws that could tell it apart from another
 * one: clocks, chance, timers, the environment, locales. What has an order of its own cannot be
 * trapped; machines that were restored on the way are compared for that.
 */

/** It was caught: what the machine reached for, and what to use in its place. */
export class TrapError extends Error {
  override readonly name = "TrapError";
}

interface Trap {
  readonly owner: object;
  readonly name: string;
  readonly shown: string;
  readonly instead: string;
}

const clock = "the time of the entry";
const chance = "bytes of the entry, or a generator that is part of the state";
const waiting = "apply, which is done when it returns";
const locale = "comparisons by < and >, and formats of your own";

const traps: readonly Trap[] = [
  { owner: globalThis, name: "Date", shown: "Date", instead: clock },
  { owner: globalThis.performance, name: "now", shown: "performance.now", instead: clock },
  { owner: process, name: "hrtime", shown: "process.hrtime", instead: clock },
  { owner: process, name: "uptime", shown: "process.uptime", instead: clock },
  { owner: Math, name: "random", shown: "Math.random", instead: chance },
  { owner: globalThis, name: "crypto", shown: "crypto", instead: chance },
  { owner: process, name: "env", shown: "process.env", instead: "the options of your machine" },
  ...["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"].map((name) => {
    return { owner: globalThis, name, shown: name, instead: waiting };
  }),
  { owner: process, name: "nextTick", shown: "process.nextTick", instead: waiting },
  { owner: globalThis, name: "Intl", shown: "Intl", instead: locale },
  ...["localeCompare", "toLocaleUpperCase", "toLocaleLowerCase"].map((name) => {
    return { owner: String.prototype, name, shown: `String.${name}`, instead: locale };
  }),
  { owner: Number.prototype, name: "toLocaleString", shown: "toLocaleString", instead: locale },
  { owner: Array.prototype, name: "toLocaleString", shown: "toLocaleString", instead: locale },
  { owner: globalThis, name: "WeakRef", shown: "WeakRef", instead: "references that hold" },
];

/** Calls `act` with all traps set; they are gone again when it returns or throws. */
export function trapped<Value>(act: () => Value): Value {
  const before: (() => void)[] = [];
  for (const trap of traps) before.push(set(trap));
  try {
    return act();
  } finally {
    for (const restore of before.toReversed()) restore();
  }
}

function set({ owner, name, shown, instead }: Trap): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, {
    configurable: true,
    get: () => {
      throw new TrapError(`apply reached for ${shown}: it is not deterministic. Use ${instead}.`);
    },
  });
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, own);
  };
}
