/** All planted bugs, by what they are in. Each is data; see mutant.ts. */
import type { Mutant } from "./mutant.ts";
import { electionMutants } from "./catalogue/election.ts";
import { candidateMutants } from "./catalogue/candidate.ts";
import { leaderMutants } from "./catalogue/leader.ts";
import { followerMutants } from "./catalogue/follower.ts";
import { learnerMutants } from "./catalogue/learner.ts";
import { membershipMutants } from "./catalogue/membership.ts";
import { vouchingMutants } from "./catalogue/vouching.ts";
import { submissionMutants } from "./catalogue/submission.ts";
import { publishingMutants } from "./catalogue/publishing.ts";
import { readingMutants } from "./catalogue/reading.ts";
import { nodeMutants } from "./catalogue/node.ts";
import { storageMutants } from "./catalogue/storage.ts";
import { damageMutants } from "./catalogue/damage.ts";
import { refoundingMutants } from "./catalogue/refounding.ts";
import { roomMutants } from "./catalogue/room.ts";
import { transportMutants } from "./catalogue/transport.ts";

export const catalogue: readonly Mutant[] = [
  ...electionMutants,
  ...candidateMutants,
  ...leaderMutants,
  ...followerMutants,
  ...learnerMutants,
  ...membershipMutants,
  ...vouchingMutants,
  ...submissionMutants,
  ...publishingMutants,
  ...readingMutants,
  ...nodeMutants,
  ...storageMutants,
  ...roomMutants,
  ...transportMutants,
  ...damageMutants,
  ...refoundingMutants,
];
