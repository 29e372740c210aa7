/** All tests of the HTTP interface, in one process: each loads a whole node. */
import "./router.ts";
import "./publish.ts";
import "./entries.ts";
import "./late-predecessor.ts";
import "./openapi.ts";
import "./refusals.ts";
import "./repairing.ts";
