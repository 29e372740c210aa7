/**
 * Stories as text: one line a command, with words that a person reads and {@link parseScript} reads
 * back to the same story. What follows a `#` is for people only.
 */
import {
  nodeNames,
  startedAfter,
  type Command,
  type CommandKind,
  type NetworkMood,
  type Place,
  type Story,
} from "./story.ts";

/** A script that cannot be played, with the line and what was wanted there. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
}

const moods: readonly NetworkMood[] = ["calm", "slow", "unruly"];
const msMax = 600_000;
const countMax = 1000;
const bytesMax = 1_000_000;
const driftMax = 90;
const stepMsMax = 1_000_000_000_000;

/** The words of one line, taken one by one. */
class Line {
  readonly #number: number;
  readonly #words: readonly string[];
  readonly #nodes: number;
  #at = 1;

  /** @param nodes How many nodes were started by then. */
  constructor(number: number, words: readonly string[], nodes: number) {
    this.#number = number;
    this.#words = words;
    this.#nodes = nodes;
  }

  get first(): string {
    return this.#words[0] ?? "";
  }

  next(): string {
    const word = this.#words[this.#at];
    if (word === undefined) return this.fail("a word more");
    this.#at += 1;
    return word;
  }

  number(least: number, most: number): number {
    const word = this.next();
    const value = Number(word);
    const isWhole = /^-?\d+$/.test(word) && Number.isSafeInteger(value);
    if (isWhole && value >= least && value <= most) return value;
    return this.fail(`a whole number from ${least} to ${most}, not ${JSON.stringify(word)}`);
  }

  node(): Place {
    const word = this.next();
    const names = nodeNames.slice(0, this.#nodes);
    const place = names.indexOf(word);
    if (place !== -1) return place;
    return this.fail(`a node that was started by then (${names.join(", ")}), not "${word}"`);
  }

  successor(): Place | "anybody" {
    if (this.#words[this.#at] !== "anybody") return this.node();
    this.#at += 1;
    return "anybody";
  }

  end(): void {
    if (this.#at < this.#words.length) this.fail(`nothing after "${this.#words[this.#at - 1]}"`);
  }

  fail(wanted: string): never {
    const found = this.#words.join(" ");
    throw new ScriptError(`line ${this.#number}, "${found}": wanted ${wanted}`);
  }
}

interface Form {
  /** The fields in the order of the line. */
  readonly fields: readonly string[];
  readonly read: (line: Line) => Command;
}

const ofNode = ["node"];
const ofPair = ["from", "to"];

/** The fields of an object are read in the order in which they stand here. */
const forms: Readonly<Record<CommandKind, Form>> = {
  publish: {
    fields: ["node", "count", "bytes"],
    read: (line) => ({
      kind: "publish",
      node: line.node(),
      count: line.number(1, countMax),
      bytes: line.number(0, bytesMax),
    }),
  },
  barrier: { fields: ofNode, read: (line) => ({ kind: "barrier", node: line.node() }) },
  read: {
    fields: ["node", "index"],
    read: (line) => ({ kind: "read", node: line.node(), index: line.number(1, msMax) }),
  },
  follow: {
    fields: ["node", "index"],
    read: (line) => ({ kind: "follow", node: line.node(), index: line.number(1, msMax) }),
  },
  wait: { fields: ["ms"], read: (line) => ({ kind: "wait", ms: line.number(0, msMax) }) },
  kill: { fields: ofNode, read: (line) => ({ kind: "kill", node: line.node() }) },
  unplug: { fields: ofNode, read: (line) => ({ kind: "unplug", node: line.node() }) },
  unplugAll: { fields: [], read: () => ({ kind: "unplugAll" }) },
  unplugAtAnswer: {
    fields: ofNode,
    read: (line) => ({ kind: "unplugAtAnswer", node: line.node() }),
  },
  unplugAllAtAnswer: { fields: [], read: () => ({ kind: "unplugAllAtAnswer" }) },
  unplugIn: {
    fields: ["node", "calls"],
    read: (line) => ({ kind: "unplugIn", node: line.node(), calls: line.number(0, countMax) }),
  },
  start: { fields: ofNode, read: (line) => ({ kind: "start", node: line.node() }) },
  startOthers: { fields: ofNode, read: (line) => ({ kind: "startOthers", node: line.node() }) },
  stop: { fields: ofNode, read: (line) => ({ kind: "stop", node: line.node() }) },
  close: { fields: ofNode, read: (line) => ({ kind: "close", node: line.node() }) },
  pause: {
    fields: ["node", "ms"],
    read: (line) => ({ kind: "pause", node: line.node(), ms: line.number(0, msMax) }),
  },
  cut: { fields: ofPair, read: (line) => ({ kind: "cut", from: line.node(), to: line.node() }) },
  part: { fields: ofPair, read: (line) => ({ kind: "part", from: line.node(), to: line.node() }) },
  sever: {
    fields: ofPair,
    read: (line) => ({ kind: "sever", from: line.node(), to: line.node() }),
  },
  clog: { fields: ofPair, read: (line) => ({ kind: "clog", from: line.node(), to: line.node() }) },
  isolate: { fields: ofNode, read: (line) => ({ kind: "isolate", node: line.node() }) },
  heal: { fields: [], read: () => ({ kind: "heal" }) },
  join: { fields: [], read: () => ({ kind: "join" }) },
  exile: {
    fields: ["node", "whom"],
    read: (line) => ({ kind: "exile", node: line.node(), whom: line.node() }),
  },
  transfer: {
    fields: ["node", "to"],
    read: (line) => ({ kind: "transfer", node: line.node(), to: line.successor() }),
  },
  setClock: {
    fields: ["node", "stepMs"],
    read: (line) => ({
      kind: "setClock",
      node: line.node(),
      stepMs: line.number(-stepMsMax, stepMsMax),
    }),
  },
  freezeClocks: {
    fields: ["node", "ms"],
    read: (line) => ({ kind: "freezeClocks", node: line.node(), ms: line.number(0, msMax) }),
  },
  stall: {
    fields: ["node", "ms"],
    read: (line) => ({ kind: "stall", node: line.node(), ms: line.number(0, msMax) }),
  },
  fill: {
    fields: ["node", "bytes"],
    read: (line) => ({ kind: "fill", node: line.node(), bytes: line.number(0, bytesMax) }),
  },
};

const places: ReadonlySet<string> = new Set(["node", "from", "to", "whom"]);

/** One command as its line; its places must be resolved. */
function commandLine(command: Command): string {
  const values = new Map<string, unknown>(Object.entries(command));
  const words = forms[command.kind].fields.map((field) => {
    const value = values.get(field);
    const isPlace = places.has(field) && typeof value === "number";
    return isPlace ? (nodeNames[value] ?? "?") : String(value);
  });
  return [command.kind, ...words].join(" ");
}

/** @param notes What is told beside each command, if anything. */
export function formatScript(story: Story, notes: readonly string[] = []): string {
  const lines = story.commands.map(commandLine);
  const width = Math.max(...lines.map(({ length }) => length), 0);
  const told = lines.map((line, at) => {
    const note = notes[at];
    return note === undefined ? line : `${line.padEnd(width)}  # ${note}`;
  });
  const { nodes, chance, drift, network } = story;
  const head = [`nodes ${nodes}`, `chance ${chance}`, `network ${network}`];
  if (drift > 0) head.push(`drift ${drift}`);
  return `${[...head, ...told].join("\n")}\n`;
}

/** @throws {ScriptError} that names the first line that is wrong, and what was wanted there. */
export function parseScript(text: string): Story {
  let story: Story = { nodes: 3, chance: 0, drift: 0, network: "calm", commands: [] };
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const words = raw.replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] === "") continue;
    const line = new Line(at + 1, words, startedAfter(story, story.commands));
    const kind = line.first;
    if (isKind(kind)) {
      story = { ...story, commands: [...story.commands, forms[kind].read(line)] };
    } else {
      story = withSetting(story, line);
    }
    line.end();
  }
  return story;
}

function isKind(word: string): word is CommandKind {
  return Object.hasOwn(forms, word);
}

function withSetting(story: Story, line: Line): Story {
  const { first } = line;
  if (!["nodes", "chance", "drift", "network"].includes(first)) {
    const kinds = Object.keys(forms).join(", ");
    return line.fail(`nodes, chance, drift, network, or one of ${kinds}`);
  }
  if (story.commands.length > 0) return line.fail("settings before the first command");
  if (first === "nodes") return { ...story, nodes: line.number(1, 5) };
  if (first === "chance") return { ...story, chance: line.number(0, 2 ** 31) };
  if (first === "drift") return { ...story, drift: line.number(0, driftMax) };
  const word = line.next();
  const network = moods.find((mood) => mood === word);
  if (network === undefined) return line.fail(`one of ${moods.join(", ")}, not "${word}"`);
  return { ...story, network };
}
