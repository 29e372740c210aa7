/** Whether members can be found and reached, what time they have, and which versions they run. */
import { lookup } from "node:dns/promises";
import { connect as connectSocket, createServer } from "node:net";
import { once } from "node:events";
import { parseEndpoint, type Endpoint } from "../../transport/index.ts";
import { KibitzerClient } from "../client.ts";
import { version } from "../version.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import type { Finding } from "./doctor.ts";
import type { HttpAsking } from "./http-asking.ts";
import { credentialsOf } from "./security-options.ts";
import type { ClusterOptions } from "./options.ts";

const reachMs = 2000;
/** An HTTP date is given in whole seconds. */
const clockMs = 2000;

type HostEndpoint = Extract<Endpoint, { readonly host: string }>;

/** Whether a node could listen at `url`. */
export async function checkListen(url: string): Promise<Finding> {
  const check = `listen ${url}`;
  const endpoint = parseEndpoint(url);
  if (!("host" in endpoint)) {
    return { check, verdict: "ok", found: "a path, which the node makes", advice: null };
  }
  const { host, port } = endpoint;
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, "listening");
    return { check, verdict: "ok", found: "the port is free", advice: null };
  } catch (error) {
    const found = textOf(error);
    const advice = "Stop what listens there, or choose another port or address.";
    return { check, verdict: "failure", found, advice };
  } finally {
    server.close();
  }
}

/** Whether the name at `url` is known, somebody listens there, and has the same time. */
export async function checkMember(
  url: string,
  http: HttpAsking,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const endpoint = parseEndpoint(url);
  if (!("host" in endpoint)) return [];
  const findings: Finding[] = [];
  try {
    const addresses = await lookup(endpoint.host, { all: true });
    const found = addresses.map(({ address }) => address).join(", ");
    findings.push({ check: `name ${endpoint.host}`, verdict: "ok", found, advice: null });
  } catch (error) {
    const advice = "Check the name, and who resolves names on this computer.";
    return [{ check: `name ${endpoint.host}`, verdict: "failure", found: textOf(error), advice }];
  }
  const reached = await reach(url, endpoint, signal);
  findings.push(reached);
  const isAsked = reached.verdict === "ok" && /^wss?:/.test(url);
  if (isAsked) findings.push(await checkClock(url, http, signal));
  return findings;
}

async function reach(
  url: string,
  { host, port }: HostEndpoint,
  signal: AbortSignal,
): Promise<Finding> {
  const check = `reach ${url}`;
  const began = performance.now();
  const socket = connectSocket({ host, port });
  try {
    await once(socket, "connect", {
      signal: AbortSignal.any([signal, AbortSignal.timeout(reachMs)]),
    });
    const ms = performance.now() - began;
    const found = `connected in ${ms.toFixed(1)} ms`;
    return { check, verdict: "ok", found, advice: null, values: { ms } };
  } catch (error) {
    const advice = "Check that the node runs, and what stands between: firewalls, address, port.";
    return { check, verdict: "failure", found: textOf(error), advice };
  } finally {
    socket.destroy();
  }
}

/** Nothing but `when` depends on wall clocks, and what people make of logs. */
async function checkClock(url: string, http: HttpAsking, signal: AbortSignal): Promise<Finding> {
  const check = `clock ${url}`;
  try {
    const began = Date.now();
    const within = AbortSignal.any([signal, AbortSignal.timeout(reachMs)]);
    const there = Date.parse((await http.get(url, "/livez", within)).date);
    if (Number.isNaN(there)) throw new Error("it tells no time");
    const skewMs = there - (began + Date.now()) / 2;
    const isWell = Math.abs(skewMs) <= clockMs;
    const found = isWell ? "the same time as here" : `${Math.round(skewMs / 1000)} s from here`;
    const advice = isWell ? null : "Let both keep time by NTP; the log's own time is not affected.";
    return { check, verdict: isWell ? "ok" : "warning", found, advice, values: { skewMs } };
  } catch (error) {
    const advice = "Its time is not known; without HTTP at that endpoint there is no way to ask.";
    return { check, verdict: "warning", found: textOf(error), advice };
  }
}

/** Releases that differ work together, two in a row, and are not meant to stay so. */
export async function checkVersions(
  options: ClusterOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const check = "versions";
  try {
    const timeoutMs = Math.min(options.timeout, 2 * reachMs);
    const shown = credentialsOf(options, process.env);
    const asking = { timeoutMs, signal, ...shown };
    await using client = await KibitzerClient.connect(options.endpoints, asking);
    const { members } = await client.status({
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const told = members.filter(({ reachable }) => reachable);
    const found = [...new Set([version, ...told.map((member) => member.version)])].toSorted();
    const silent = members.length - told.length;
    const all = told.map((member) => `${member.id} ${member.version}`).join(", ");
    const text = `kibitz ${version}; members ${all}`;
    if (silent > 0) {
      const advice = `Start the ${silent} that are down, or exile them (kibitz status).`;
      return { check, verdict: "warning", found: text, advice };
    }
    if (found.length === 1) return { check, verdict: "ok", found: text, advice: null };
    const advice = "Bring all to the same release (docs/upgrading.md).";
    return { check, verdict: "warning", found: text, advice };
  } catch (error) {
    const isRefused = error instanceof KibitzerError && error.code === "KBZ_FORBIDDEN";
    const advice = isRefused
      ? "Give what the members ask for: --token-file, or --tls-ca, --tls-cert and --tls-key."
      : "No member answers: see what could not be reached above.";
    return { check, verdict: "failure", found: textOf(error), advice };
  }
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
