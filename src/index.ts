/**
 * The door of the package: a node, a client, their shapes and their errors.
 *
 * @module kibitzer
 */
export { Kibitzer } from "./kibitzer.ts";
export { KibitzerClient, type ClientOptions } from "./client.ts";
export {
  isKibitzerErrorCode,
  KibitzerError,
  type ErrorOutcome,
  type KibitzerErrorCode,
} from "./kibitzer-error.ts";
export { ConsensusState } from "./consensus-state.ts";
export { replayRecording, type ReplayOptions, type ReplayResult } from "./recording/replay.ts";
export { verifyBackup } from "./backup/backup-reading.ts";
export type { BackupOptions, BackupSummary } from "./backup/backup-writing.ts";
export { restore, type RestoreOptions, type RestoreReport } from "./refounding/restore.ts";
export { recover, type RecoverOptions, type RecoveryReport } from "./refounding/recover.ts";
export { version } from "./version.ts";
export { traceWithOpenTelemetry } from "./diagnostics/opentelemetry.ts";
export type * from "./api.ts";
export type { CertificateExpiry, CertificateRole } from "./access/certificates.ts";
export type { TlsOptions, TokenOption } from "./access/credential-options.ts";
export type { KibitzerOptions, TimingOptions } from "./configuration.ts";
export type { Check, Health, ProbeName } from "./health/probe.ts";
export type { Envelope } from "./recording/envelope.ts";
export type { MachineEntry, MachineResult, StateMachine, Wake } from "./machine/state-machine.ts";
export type { InvitationOptions } from "./node/inviting.ts";
export type { JoinOptions } from "./node/joining.ts";
export type { SnapshotPart, SnapshotParts } from "./snapshots/snapshot-part.ts";
export type { Logger } from "./logger.ts";
export type { Chance, Clock, FileHandle, FileSystem, Timer, World } from "./world.ts";
