/** A thread that runs the seeds it is sent. */
import { runSeed } from "./seed-run.ts";
import { serveTasks } from "./worker-pool.ts";

serveTasks(runSeed);
