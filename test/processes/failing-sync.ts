/**
 * Loaded into a node before its own code: one sync of a file fails once, and all others say ok, as
 * on a disk whose bad page was dropped. Says on stderr when it struck.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const strikeAt = Number(process.env["FAILING_SYNC_AT"]);
const { fdatasync } = fs;
let syncs = 0;

fs.fdatasync = Object.assign((fd: number, done: fs.NoParamCallback): void => {
  fdatasync(fd, (error) => {
    syncs += 1;
    if (syncs !== strikeAt) {
      done(error);
      return;
    }
    process.stderr.write(`sync ${syncs} fails with EIO\n`);
    done(Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" }));
  });
}, fdatasync);
syncBuiltinESMExports();
