/**
 * What clients of one register asked and were answered, as far as it matters for linearizability:
 * each operation knows how many of the others' had returned when it began. Never mutated.
 */
interface Operation {
  readonly kind: "put" | "get";
  /** What was written, or read; null for a read under way. */
  readonly value: string | null;
  /** Of each client, how many operations had returned when this one began. */
  readonly after: readonly number[];
}

interface Thread {
  readonly returned: readonly Operation[];
  readonly open: Operation | null;
}

/** One thread a client. */
export type RegisterHistory = readonly Thread[];

/** What a register holds before anything was written. */
export const registerEmpty = "";

export function emptyHistory(clients: number): RegisterHistory {
  return Array.from({ length: clients }, () => ({ returned: [], open: null }));
}

export function invoke(
  history: RegisterHistory,
  client: number,
  { kind, value }: Pick<Operation, "kind" | "value">,
): RegisterHistory {
  const after = history.map(({ returned }, other) => (other === client ? 0 : returned.length));
  return replace(history, client, (thread) => ({ ...thread, open: { kind, value, after } }));
}

/** @param value What a read returned; null for a write. */
export function returned(
  history: RegisterHistory,
  client: number,
  value: string | null,
): RegisterHistory {
  return replace(history, client, ({ returned, open }) => {
    if (open === null) throw new Error(`client ${client} is answered without having asked`);
    return { returned: [...returned, { ...open, value: value ?? open.value }], open: null };
  });
}

function replace(
  history: RegisterHistory,
  client: number,
  change: (thread: Thread) => Thread,
): RegisterHistory {
  return history.map((thread, other) => (other === client ? change(thread) : thread));
}

/** Whether some order of the operations, open ones perhaps included, explains every answer. */
export function isLinearizable(history: RegisterHistory): boolean {
  const taken = history.map(() => 0);
  return explains(history, taken, registerEmpty);
}

function explains(history: RegisterHistory, taken: readonly number[], register: string): boolean {
  const isDone = history.every(({ returned }, client) => takenBy(taken, client) >= returned.length);
  if (isDone) return true;
  return history.some((thread, client) => {
    const isOpen = takenBy(taken, client) === thread.returned.length;
    const operation = isOpen ? thread.open : thread.returned[takenBy(taken, client)];
    if (operation === null || operation === undefined) return false;
    if (operation.after.some((count, other) => takenBy(taken, other) < count)) return false;
    const isWrong = operation.kind === "get" && !isOpen && operation.value !== register;
    if (isWrong) return false;
    const next = operation.kind === "put" ? (operation.value ?? register) : register;
    return explains(history, taken.with(client, takenBy(taken, client) + 1), next);
  });
}

function takenBy(taken: readonly number[], client: number): number {
  return taken[client] ?? Infinity;
}
