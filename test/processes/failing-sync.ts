/**
 * Loaded into a node before its own code. Once a certain file is there, one sync fails, and all
 * others say ok, as on a disk whose bad page was dropped. Says on stderr when it struck.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** Taken away by the strike, so that there is one only. */
const order = process.env["FAILING_SYNC_ORDER"] ?? "";
const { fdatasync } = fs;

fs.fdatasync = Object.assign((fd: number, done: fs.NoParamCallback): void => {
  fdatasync(fd, (error) => {
    if (!fs.existsSync(order)) {
      done(error);
      return;
    }
    fs.rmSync(order);
    process.stderr.write("a sync fails with EIO\n");
    done(Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" }));
  });
}, fdatasync);
syncBuiltinESMExports();
