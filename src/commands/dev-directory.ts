/**
 * What `kibitz dev` remembers between runs: how many nodes at which ports, and whether they were
 * ever ready together. Lays out the directory; starts nothing.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";

export interface DevShape {
  readonly nodes: number;
  readonly port: number;
}

/** One node of the cluster, as it is to be started. */
export interface DevNodePlan {
  readonly id: string;
  readonly url: string;
  /** Absolute. */
  readonly data: string;
}

export interface DevPlan extends DevShape {
  /** Absolute. */
  readonly directory: string;
  readonly members: readonly DevNodePlan[];
  /** Whether the cluster was ready in an earlier run: then every directory must be there. */
  readonly wasReady: boolean;
  /** Whether this run makes the directory. */
  readonly isNew: boolean;
  /** What of an earlier run is to be deleted first. */
  readonly stale: readonly string[];
  /** The ports that must be free, those of what is to be deleted too: it may still be running. */
  readonly ports: readonly number[];
}

export interface DevRequest extends DevShape {
  readonly data: string;
  readonly fresh: boolean;
  /** Which of the two were asked for and are not defaults. */
  readonly given: { readonly nodes: boolean; readonly port: boolean };
}

const fileName = "dev.json";
/** What a node's directory holds from its first moment on. */
const nodeFileName = "node";
const portMax = 65_535;

/**
 * Decides what to start; changes nothing.
 * @throws {CommandError} when the directory is of another shape, incomplete or not ours.
 */
export function planDev(request: DevRequest): DevPlan {
  const directory = resolve(request.data);
  const found = readRecord(directory);
  if (found === null) return planNew(directory, request, null);
  if (request.fresh) return planNew(directory, request, found);
  checkShape(directory, found, request);
  const members = membersOf(directory, found);
  const missing = members.filter(({ data }) => !existsSync(join(data, nodeFileName)));
  if (missing.length > 0 && found.wasReady) {
    const ids = missing.map(({ id }) => id).join(", ");
    throw new CommandError(
      exitCodes.conflict,
      `${directory} is incomplete: no ${ids}. Put back what is missing, or start over ` +
        `with --fresh.`,
    );
  }
  return { ...found, directory, members, isNew: false, stale: [], ports: portsOf(found) };
}

/** Deletes what is to be deleted, and nothing else. */
export function removeStale(plan: DevPlan): void {
  for (const path of plan.stale) rmSync(path, { recursive: true, force: true });
}

/** Writes down that the nodes of `plan` belong together. */
export function writeDevRecord(plan: DevPlan, wasReady: boolean): void {
  mkdirSync(plan.directory, { recursive: true });
  const { nodes, port } = plan;
  writeFileSync(
    join(plan.directory, fileName),
    `${JSON.stringify({ version: 1, nodes, port, ready: wasReady })}\n`,
  );
}

/** Takes away what this run made, so that a failed first start leaves no half cluster. */
export function removeDevPlan(plan: DevPlan): void {
  for (const { data } of plan.members) rmSync(data, { recursive: true, force: true });
  rmSync(join(plan.directory, fileName), { force: true });
  if (existsSync(plan.directory) && readdirSync(plan.directory).length === 0) {
    rmSync(plan.directory, { recursive: true });
  }
}

function planNew(directory: string, shape: DevShape, replaced: DevShape | null): DevPlan {
  if (shape.port + shape.nodes - 1 > portMax) {
    throw new CommandError(
      exitCodes.usage,
      `${shape.nodes} nodes from port ${shape.port} on would need ports above ${portMax}.`,
    );
  }
  const members = membersOf(directory, shape);
  const stale = replaced === null ? [] : membersOf(directory, replaced).map(({ data }) => data);
  const taken = members.filter(({ data }) => existsSync(data) && !stale.includes(data));
  if (taken.length > 0) {
    throw new CommandError(
      exitCodes.conflict,
      `${taken.map(({ data }) => data).join(", ")}: there already, but not made by kibitz dev ` +
        `(${fileName} beside does not name it). Choose another --data.`,
    );
  }
  const { nodes, port } = shape;
  const ports = [...portsOf(shape), ...(replaced === null ? [] : portsOf(replaced))];
  const head = { nodes, port, directory, members, stale, ports: [...new Set(ports)] };
  return { ...head, wasReady: false, isNew: true };
}

function portsOf({ nodes, port }: DevShape): readonly number[] {
  return Array.from({ length: nodes }, (_, position) => port + position);
}

function membersOf(directory: string, { nodes, port }: DevShape): readonly DevNodePlan[] {
  return Array.from({ length: nodes }, (_, position) => {
    const id = String.fromCharCode("a".charCodeAt(0) + position);
    return { id, url: `ws://127.0.0.1:${port + position}`, data: join(directory, id) };
  });
}

function checkShape(directory: string, found: DevShape, request: DevRequest): void {
  for (const name of ["nodes", "port"] as const) {
    if (!request.given[name] || request[name] === found[name]) continue;
    throw new CommandError(
      exitCodes.usage,
      `${directory} was made with --${name} ${found[name]}, not ${request[name]}. ` +
        `Leave --${name} out, choose another --data, or start over with --fresh.`,
    );
  }
}

function readRecord(directory: string): (DevShape & { readonly wasReady: boolean }) | null {
  const path = join(directory, fileName);
  if (!existsSync(path)) return null;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && "nodes" in value && "port" in value) {
      const { nodes, port } = value;
      const wasReady = "ready" in value && value.ready === true;
      if (isCount(nodes) && isCount(port)) return { nodes, port, wasReady };
    }
  } catch {
    // Not JSON: the same answer as for JSON of another shape.
  }
  throw new CommandError(
    exitCodes.integrity,
    `${path} is not what kibitz dev wrote. Restore it, or move the directory away.`,
  );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
