/** Errors as the operating system gives them to a process. */

const meanings = {
  EIO: "input/output error",
  ENOENT: "no such file or directory",
  EEXIST: "file already exists",
  ENOSPC: "no space left on device",
  EMFILE: "too many open files",
  EACCES: "permission denied",
  EROFS: "read-only file system",
  ENOTEMPTY: "directory not empty",
  EBADF: "bad file descriptor",
} as const;

export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code: keyof typeof meanings;
  readonly syscall: string;
  readonly path: string;

  constructor(code: keyof typeof meanings, syscall: string, path: string) {
    super(`${code}: ${meanings[code]}, ${syscall} '${path}'`);
    this.code = code;
    this.syscall = syscall;
    this.path = path;
  }
}
