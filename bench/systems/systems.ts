/** All systems there are, in the order of the tables. */
import { bound } from "./bound.ts";
import { etcd } from "./etcd.ts";
import { kibitzer } from "./kibitzer.ts";
import { nats } from "./nats.ts";
import { rabbitmq } from "./rabbitmq.ts";
import type { System, SystemName } from "./system.ts";
import { zookeeper } from "./zookeeper.ts";

export const systems: readonly System[] = [kibitzer, bound, rabbitmq, nats, zookeeper, etcd];

/** @throws {Error} when there is none of this name. */
export function systemNamed(name: SystemName): System {
  const system = systems.find((each) => each.name === name);
  if (system === undefined) throw new Error(`there is no system "${name}"`);
  return system;
}
