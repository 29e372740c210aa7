/**
 * A whole new content for a data directory, made beside the old one and swapped in at one atomic
 * step: the moment at which the file `node` names the new republic. A crash before it leaves the
 * old content whole, a crash after it the new one; `settleStaging` sees either through.
 */
import { isHexText, isText, matches } from "../codec/shapes.ts";
import type { FileSystem } from "../world.ts";
import { damaged } from "./damage.ts";
import { readWhole, replaceFile, seal, unseal } from "./sealed-file.ts";

/** Where the new content is made, and what says how far its swap has come. */
const stagingName = "refounding";
const planName = "plan";
const planVersion = 1;
const asidePrefix = "before-";
/** What stays where it is, whatever is swapped. */
const lockName = "lock";
/** Two copies: nothing else says who the node is. */
export const recordNames = ["node", "node-2"] as const;

interface Plan {
  /** The identity that the file `node` names once the new content is in force. */
  readonly identity: string;
  /** The directory that the old content goes to. */
  readonly aside: string;
  /** `out` while the old content moves out, `in` while the new one moves in. */
  readonly moving: "out" | "in";
}

export class Staging {
  /** Where the new content is to be made, as in a data directory. */
  readonly directory: string;
  /** Of the republic that the new content belongs to. */
  readonly identity: string;
  /** Where the old content will be, if there is any. */
  readonly aside: string;
  readonly #files: FileSystem;
  readonly #path: string;

  private constructor(files: FileSystem, path: string, plan: Plan) {
    this.#files = files;
    this.#path = path;
    this.directory = `${path}/${stagingName}`;
    this.aside = `${path}/${plan.aside}`;
    this.identity = plan.identity;
  }

  /**
   * An empty place for the content under `identity`. The directory's lock is held.
   * @param before The identity that the old content belongs to, which names where that goes; null
   *   when there is none.
   */
  static async begin(
    files: FileSystem,
    path: string,
    identity: string,
    before: string | null,
  ): Promise<Staging> {
    const directory = `${path}/${stagingName}`;
    await settleStaging(files, path, before);
    const aside = await freeName(files, path, before ?? "nothing");
    const plan: Plan = { identity, aside, moving: before === null ? "in" : "out" };
    await files.makeDirectory(directory);
    await writePlan(files, directory, plan);
    if (before !== null) await keepRecord(files, path, aside);
    return new Staging(files, path, plan);
  }

  /** The new content is in force: moves it in. */
  async complete(): Promise<void> {
    await settleStaging(this.#files, this.#path, this.identity);
  }

  /** Nothing comes of it. */
  async abandon(): Promise<void> {
    await settleStaging(this.#files, this.#path, null);
  }
}

/** The old content stays whole, so that it can be looked at, or put back by hand. */
async function keepRecord(files: FileSystem, path: string, aside: string): Promise<void> {
  await files.makeDirectory(`${path}/${aside}`);
  for (const name of recordNames) {
    const record = await readWhole(files, `${path}/${name}`);
    if (record !== null) await replaceFile(files, `${path}/${aside}`, name, record);
  }
}

/** A name that nothing has that an earlier swap has left behind. */
async function freeName(files: FileSystem, path: string, before: string): Promise<string> {
  const name = `${asidePrefix}${before}`;
  for (let count = 1; ; count += 1) {
    const numbered = count === 1 ? name : `${name}-${count}`;
    if (!(await files.exists(`${path}/${numbered}`))) return numbered;
  }
}

/** Whether the name in a data directory is one that a swap leaves behind. */
function isAside(name: string): boolean {
  return name.startsWith(asidePrefix);
}

/** Whether a swap was begun and not ended. */
export async function isStaged(files: FileSystem, path: string): Promise<boolean> {
  return await files.exists(`${path}/${stagingName}`);
}

/**
 * Finishes or undoes a swap that was interrupted. The directory's lock is held.
 * @param identity The republic that the file `node` names, or null.
 * @throws {KibitzerError} `KBZ_DAMAGED`, `KBZ_VERSION`.
 */
export async function settleStaging(
  files: FileSystem,
  path: string,
  identity: string | null,
): Promise<void> {
  const directory = `${path}/${stagingName}`;
  if (!(await isStaged(files, path))) return;
  const plan = await readPlan(files, directory);
  if (plan !== null && plan.identity === identity) await swap(files, path, plan);
  else if (plan !== null) await files.removeTree(`${path}/${plan.aside}`);
  await files.removeTree(directory);
  await files.syncDirectory(path);
}

async function swap(files: FileSystem, path: string, plan: Plan): Promise<void> {
  const directory = `${path}/${stagingName}`;
  if (plan.moving === "out") {
    const stay = (name: string): boolean => {
      return isRecord(name) || name.startsWith(lockName) || name === stagingName;
    };
    const names = (await files.list(path)).filter((name) => !stay(name) && !isAside(name));
    await moveAll(files, names, { from: path, to: `${path}/${plan.aside}` });
    await writePlan(files, directory, { ...plan, moving: "in" });
  }
  const names = (await files.list(directory)).filter((name) => !name.startsWith(planName));
  await moveAll(files, names, { from: directory, to: path });
}

function isRecord(name: string): boolean {
  return recordNames.some((record) => record === name);
}

async function moveAll(
  files: FileSystem,
  names: readonly string[],
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  for (const name of names) await files.rename(`${from}/${name}`, `${to}/${name}`);
  // Rather in both places than in neither.
  await files.syncDirectory(to);
  await files.syncDirectory(from);
}

async function writePlan(files: FileSystem, directory: string, plan: Plan): Promise<void> {
  await replaceFile(files, directory, planName, seal("plan", planVersion, plan));
}

/** Null when the swap had not begun, or had ended but for the removal of its place. */
async function readPlan(files: FileSystem, directory: string): Promise<Plan | null> {
  const path = `${directory}/${planName}`;
  const bytes = await readWhole(files, path);
  if (bytes === null) return null;
  const plan = unseal(path, "plan", planVersion, bytes);
  if (!isPlan(plan)) throw damaged(path, 0, "its fields are not those of a plan");
  return plan;
}

function isPlan(value: unknown): value is Plan {
  return matches(value, {
    identity: isHexText,
    aside: (aside) => isText(aside) && isAside(aside) && !aside.includes("/"),
    moving: (moving) => moving === "out" || moving === "in",
  });
}
