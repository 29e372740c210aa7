/** A thread that plays the story of the sweep with the crashes it is sent. */
import { sweepOne } from "./storage-sweep.ts";
import { serveTasks } from "./worker-pool.ts";

serveTasks(sweepOne);
