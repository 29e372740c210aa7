/** What a node says of itself and of its cluster, as `status` and `report` give it. */
import type { LegislatorView, Member, Republic } from "../../consensus/index.ts";
import type { MemberStatus, Status } from "../api.ts";
import type { NodeReport } from "../requests.ts";
import type { NodeRecord } from "../storage/directory.ts";
import { version } from "../version.ts";

type RepublicView = Pick<
  Republic,
  "identity" | "government" | "members" | "slot" | "index" | "parliamentSize" | "refounded"
>;

/** How the node itself is. */
export function reportOf({ id, cookie }: NodeRecord, view: LegislatorView): NodeReport {
  const position = { slot: view.decided, index: view.index };
  return {
    id,
    decided: position,
    applied: position,
    hash: { slot: view.decided, value: view.stateHash },
    leader: view.leader,
    cookie,
    version,
  };
}

/** The cluster, from the replicated state and the reports of its members; null where none came. */
export function statusOf(
  republic: RepublicView,
  view: LegislatorView,
  reports: ReadonlyMap<string, NodeReport | null>,
): Status {
  const { identity, government, parliamentSize } = republic;
  const parliament = government?.parliament ?? [];
  const members = republic.members.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const constituents = members.map(({ id }) => id).filter((id) => !parliament.includes(id));
  const { leader, ballot, decided, index } = view;
  return {
    republic: identity ?? { name: "", identity: "" },
    government: {
      number: government?.number ?? 0,
      leader,
      parliament,
      constituents,
      parliamentSize,
    },
    ballot,
    decided: { slot: decided, index },
    ...(republic.refounded.length === 0 ? {} : { refounded: republic.refounded }),
    members: members.map((member) =>
      memberStatus(member, roleOf(member.id, leader, parliament), reports.get(member.id) ?? null),
    ),
  };
}

function roleOf(
  id: string,
  leader: string | null,
  parliament: readonly string[],
): MemberStatus["role"] {
  if (id === leader) return "leader";
  return parliament.includes(id) ? "member" : "constituent";
}

function memberStatus(
  member: Member,
  role: MemberStatus["role"],
  answer: NodeReport | null,
): MemberStatus {
  const { id, url, cookie, naturalized, eligible } = member;
  // Whoever answers there under another cookie has its address, and is not the member.
  const report = answer?.cookie === cookie ? answer : null;
  const nowhere = { slot: 0, index: 0 };
  return {
    id,
    url,
    role,
    reachable: report !== null,
    naturalized,
    eligible,
    decided: report?.decided ?? nowhere,
    applied: report?.applied ?? nowhere,
    hash: report?.hash ?? { slot: 0, value: "" },
    cookie,
    version: report?.version ?? "",
  };
}
