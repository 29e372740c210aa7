/** Finds programs that this one starts, in the sources as in what is built from them. */
import { extname, resolve } from "node:path";

/** The path of a module named without extension, relative to this folder. */
export function siblingModule(name: string): string {
  return resolve(import.meta.dirname, name + extname(import.meta.filename));
}
