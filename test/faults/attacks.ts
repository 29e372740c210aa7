/** All attacks, by name. */
import type { Attack } from "./attack.ts";
import { clockAttacks } from "./clock-attacks.ts";
import { cutAttacks } from "./cut-attacks.ts";
import { diskAttacks } from "./disk-attacks.ts";
import { folderAttacks } from "./folder-attacks.ts";
import { mayhemAttacks } from "./mayhem-attacks.ts";
import { processAttacks } from "./process-attacks.ts";
import { proxyAttacks } from "./proxy-attacks.ts";

export const attacks: readonly Attack[] = [
  ...processAttacks,
  ...cutAttacks,
  ...proxyAttacks,
  ...diskAttacks,
  ...folderAttacks,
  ...clockAttacks,
  ...mayhemAttacks,
];
