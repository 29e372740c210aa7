/** `kibitz member …` and `kibitz transfer`: what an operator changes in a running republic. */
import { isNodeId } from "../../consensus/index.ts";
import type { MembershipChange, Seated } from "../api.ts";
import { checkEndpoint } from "../checked-endpoint.ts";
import { KibitzerClient } from "../client.ts";
import { KibitzerError } from "../kibitzer-error.ts";
import { badId } from "../membership/errors.ts";
import { connect } from "./connect.ts";
import { credentialsOf } from "./security-options.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { watchInterruption } from "./interruption.ts";
import type { Output } from "./output.ts";
import { previewJson, previewText } from "./preview-text.ts";
import { waitLimit, type ClusterOptions } from "./options.ts";

export interface ChangeOptions extends ClusterOptions {
  readonly dryRun?: boolean;
}

export interface PromoteCommandOptions extends ChangeOptions {
  readonly insteadOf?: string;
}

/** How a change is carried out, and what is printed of it then. */
type Work = (client: KibitzerClient, signal: AbortSignal) => Promise<Told>;

interface Told {
  readonly json: object;
  readonly text: string;
}

export async function add(url: string, options: ChangeOptions, output: Output): Promise<number> {
  checkEndpoint(url);
  return await change({ kind: "add", url }, options, output, async (client, signal) => {
    const { id, ...seated } = await client.add(url, { signal });
    const text = `${id} is in, and has caught up${seatText(id, seated)}`;
    return { json: { added: id, ...seated }, text };
  });
}

export async function exile(id: string, options: ChangeOptions, output: Output): Promise<number> {
  checkId(id);
  return await change({ kind: "exile", id }, options, output, async (client, signal) => {
    await client.exile(id, { signal });
    const text =
      `${id} is exiled. A node with an empty directory may join under its id: ` +
      `kibitz start --id ${id} --data DIR --listen URL --join ${client.endpoint}`;
    return { json: { exiled: id }, text };
  });
}

export async function promote(
  id: string,
  options: PromoteCommandOptions,
  output: Output,
): Promise<number> {
  const { insteadOf } = options;
  for (const each of [id, insteadOf ?? id]) checkId(each);
  const swap = insteadOf === undefined ? {} : { insteadOf };
  return await change({ kind: "promote", id, ...swap }, options, output, async (client, signal) => {
    const seated = await client.promote(id, { ...swap, signal });
    const text = seated.seated
      ? `${id} has a seat${insteadOf === undefined ? "" : ` in place of ${insteadOf}`}.`
      : `${id} may have a seat${seatText(id, seated)}`;
    return { json: { promoted: id, ...seated }, text };
  });
}

export async function demote(id: string, options: ChangeOptions, output: Output): Promise<number> {
  checkId(id);
  return await change({ kind: "demote", id }, options, output, async (client, signal) => {
    await client.demote(id, { signal });
    const text = `${id} has no seat, and follows. To let it have one: kibitz member promote ${id}`;
    return { json: { demoted: id }, text };
  });
}

export async function transfer(
  to: string | null,
  options: ChangeOptions,
  output: Output,
): Promise<number> {
  if (to !== null) checkId(to);
  const wanted = { kind: "transfer", ...(to === null ? {} : { to }) } as const;
  return await change(wanted, options, output, async (client, signal) => {
    const { leader } = await client.transfer(to, { signal });
    return { json: { leader }, text: `${leader} leads.` };
  });
}

/** The rest of a sentence about a node that is in. */
function seatText(id: string, { seated, waitsFor }: Seated): string {
  if (seated) return "; it has a seat.";
  switch (waitsFor) {
    case "seat":
      return (
        ", but all seats are taken. To give it one: " +
        `kibitz member promote ${id} --instead-of ID`
      );
    case "another":
      return (
        ", but has no seat yet: with it the number of seats would be even, which survives no " +
        "more failures. It is given one with the next constituent."
      );
    case "catchUp":
    case null:
      return ", and is given one once it answers and has caught up.";
  }
}

/** Before anybody is asked. */
function checkId(id: string): void {
  if (!isNodeId(id)) throw badId(id);
}

async function change(
  wanted: MembershipChange,
  options: ChangeOptions,
  output: Output,
  work: Work,
): Promise<number> {
  using interruption = watchInterruption();
  try {
    await using client = await connect(options, interruption.signal, output);
    const signal = waitLimit(options, interruption.signal);
    if (options.dryRun === true) return await preview(client, wanted, { options, output, signal });
    const { json, text } = await work(client, signal);
    if (options.json === true) output.json(json);
    else output.line(text);
    return exitCodes.ok;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    if (error instanceof Error) output.note(error.message);
    return exitCodes.interrupted;
  }
}

const guestMs = 1_000;

/** What can be told from here of a node that is to be invited; the leader may see it otherwise. */
async function guestAt(
  url: string,
  options: ChangeOptions,
  signal: AbortSignal,
): Promise<string | KibitzerError> {
  const shown = credentialsOf(options, process.env);
  const asking = { ...shown, timeoutMs: Math.min(guestMs, options.timeout), signal };
  try {
    await using guest = await KibitzerClient.connect([url], asking);
    const { republic } = await guest.status({ signal });
    const message = `${url} answers, but belongs to the republic ${republic.name} already.`;
    return new KibitzerError("KBZ_REPUBLIC", message, { retryable: false, outcome: "none" });
  } catch (error) {
    if (signal.aborted || !(error instanceof KibitzerError)) throw error;
    if (error.code === "KBZ_NOT_FOUND") return `${url} answers, and is in no republic yet.`;
    if (error.code === "KBZ_FORBIDDEN") return `${url} answers, and lets nobody ask it from here.`;
    return `${url} does not answer here: start it with --await-invitation first.`;
  }
}

interface Previewing {
  readonly options: ChangeOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Ends as the change itself would. */
async function preview(
  client: KibitzerClient,
  wanted: MembershipChange,
  { options, output, signal }: Previewing,
): Promise<number> {
  const preview = await client.preview(wanted, { signal });
  const guest = wanted.kind === "add" ? await guestAt(wanted.url, options, signal) : null;
  const found =
    guest instanceof KibitzerError
      ? { ...preview, refused: guest }
      : { ...preview, note: guest === null ? preview.note : `${guest} ${preview.note ?? ""}` };
  if (options.json === true) output.json(previewJson(found));
  else output.line(previewText(found));
  return found.refused === null ? exitCodes.ok : exitCodeOf(found.refused);
}
