/** Packages that examples use and this one does not: as much of their types as is needed. */

declare module "node-cron" {
  interface RunCoordinator {
    shouldRun(key: string, ttlMs: number): boolean | Promise<boolean>;
    onComplete?(key: string): void | Promise<void>;
  }
  interface TaskOptions {
    readonly name?: string;
    readonly distributed?: boolean;
    readonly runCoordinator?: RunCoordinator;
  }
  export function schedule(expression: string, task: () => unknown, options: TaskOptions): unknown;
}
