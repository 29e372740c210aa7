/** The way back from candidate or leader to follower. Forgets nothing that was promised or accepted. */
import type { Chamber } from "./chamber.ts";

/** Goes back to following; whatever was queued may be enqueued again elsewhere. */
export function stepDown(chamber: Chamber): void {
  const { role } = chamber.state;
  if (role.kind === "leading") {
    const { barrierRound, barriersWaiting } = role;
    for (const barrier of [...(barrierRound?.barriers ?? []), ...barriersWaiting]) {
      chamber.answerBarrier(barrier, null);
    }
  }
  const { attempts, notBefore } = chamber.state;
  chamber.takeSeat();
  chamber.state.attempts = attempts;
  chamber.state.notBefore = notBefore;
}
