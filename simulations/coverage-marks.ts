/**
 * Branches that a long row of runs must have taken, by their names in the counts: what never
 * happened was not tested, however green it is (H1). Sees nothing by itself.
 */

export const coverageMarks = {
  "leads.elected": "a candidate won, and leads",
  "leads.adoptsLonger": "it began with a log that another had promised it",
  "leads.fetchesFirst": "it had the promises, and fetched decided slots before it led",
  "leads.newGovernment": "it was named by a government that had just begun",
  "steps.lostMajority": "a leader heard no majority any more",
  "steps.stalled": "a leader got nothing decided in time",
  "steps.full": "a leader without room gave way",
  "steps.refused": "a leader was told of a higher promise",
  "steps.promised": "a leader promised a higher ballot",
  "candidate.refused": "a candidate was told of a higher promise",
  "candidate.alone": "a candidate gave up, having heard no majority",
  "candidate.promised": "a candidate promised a higher ballot",
  "promise.withLog": "a promise brought a log that the candidate did not have",
  "promise.byPing": "a lost promise was made good: a candidate asked again after a ping",
  "promise.late": "a leader asked a member that had been away for its promise",
  "ballot.refused": "a prepare or a proposal of a lower ballot was refused",
  "synchronize.cutsTail": "a follower replaced what it had accepted before",
  "synchronize.again": "a follower had missed something, and asked to be synchronized",
  "synchronize.slots": "a follower was so far behind that it was sent decided slots first",
  "accept.several": "several batches went in one message",
  "accept.known": "a proposal came that was in the log already",
  "accepted.byReport": "votes that were lost were counted from a ping or pong",
  "decided.told": "a follower learned what is decided without another proposal",
  "decided.alone": "the only seat of a republic decided by itself",
  "learn.cutsTail": "what was learned replaced what had been accepted",
  "learn.stopSigns": "a stop-sign came in the middle of what was learned",
  "learn.follows": "somebody without a seat waited for what comes next",
  "learn.served": "somebody waited for slots, and was sent them when they were decided",
  "government.ahead": "a message of an old government was answered with how far the log is",
  "government.grows": "seats were added",
  "government.shrinks": "seats were taken",
  "member.admitted": "a node was admitted while others led",
  "member.eligible": "the log says that a member may have a seat, or may not",
  "member.naturalized": "a constituent said that it may have a seat",
  "member.exiled": "an exile was decided",
  "member.refused": "an empty or foreign directory was refused: its id is taken",
  "member.quorum": "an exile was refused, since it would have cost the quorum",
  "halt.exiled": "a node learned of its own exile",
  "halt.staleDisk": "a node was told that its disk is an old one",
  "halt.machineDiverged": "a node learned that its state machine makes something else of the log",
  "batch.duplicate": "a batch was submitted twice, and answered with what it did first",
  "batch.gap": "a batch came before its predecessors",
  "batch.full": "a batch was refused, since a majority had no room for it",
  "room.none": "a node was told that its disk is full",
  "room.again": "it was told that there is room again",
  "batch.elsewhere": "a node that does not lead was asked, and named the leader",
  "barrier.lost": "a barrier was lost with its leader",
  "barrier.repeated": "a confirmation was lost, and asked for again",
  "handOver.told": "a follower was told to take over",
  "handOver.taken": "it did",
  "stranger.ignored": "a message came from an incarnation that is no member, and changed nothing",
  "heard.noted": "what was heard of peers was written down",
  "islander.resubmits": "a publisher submitted again what had no outcome",
  "snapshot.offered": "a node had no more what it was asked for, and offered a snapshot",
  "snapshot.installed": "a node went on from the snapshot of another",
  "snapshot.overtaken": "a snapshot came when it was not needed any more",
  "read.truncated": "somebody asked for an entry that was gone, and was told so",
  "recording.cut": "a recording ended in the middle of a frame, or in a life that was killed",
  "recording.damaged": "a recording had lost what no sync had kept",
  "restart.lostSectors": "a node began on a journal that had lost its unsynced end",
  "restart.joining": "a node was killed before it had learned of its own admission",
  "repair.replaced": "a snapshot of others stood for what was damaged, and gone from their logs",
  "repair.done": "a node found slots damaged, and had them from others",
  "repair.waits": "a damaged node waited for a member that may have what it lacks",
  "repair.doneLater": "that member came back, and gave it",
  "replaced.damaged": "a node found its disk damaged, and nobody could repair it",
  "replaced.exiled": "a node was exiled, and joined with an empty disk",
  "answer.full": "a publish was refused for lack of room",
  "answer.none": "a publish was refused for good",
  "answer.unknown": "a publish ended without a known outcome",
  "calm.whole": "all nodes converged",
  "calm.core": "a core converged, while others stayed broken",
  "worstDay.survivor": "a republic went on with the log of any one survivor",
  "worstDay.best": "it went on with the best log of all, and lost nothing acknowledged",
  "worstDay.undecided": "the log that went on had entries that nobody knew to be decided",
  "worstDay.truncated": "who joined after a worst day began with a snapshot",
  "worstDay.restored": "a backup that was taken under load became a new republic",
  "calm.damaged": "of a damaged majority was proved that it cannot go on",
} as const;

export type CoverageMark = keyof typeof coverageMarks;

/** From so many runs on each mark must have been hit. */
const seedsLeast = 1000;

/** The marks that should have been hit in so many runs, and were not. */
export function missingMarks(
  counts: ReadonlyMap<string, number>,
  seeds: number,
): readonly string[] {
  if (seeds < seedsLeast) return [];
  return Object.keys(coverageMarks).filter((mark) => (counts.get(mark) ?? 0) === 0);
}
