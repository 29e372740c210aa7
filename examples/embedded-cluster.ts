/** Three nodes in one process: what is published at one is read at another. */
import { Kibitzer } from "kibitzer";

async function open(id: string, port: number): Promise<Kibitzer> {
  const listen = [`ws://127.0.0.1:${port}`];
  return await Kibitzer.open({ id, directory: `data/${id}`, listen });
}
const a = await open("a", 7700);
const b = await open("b", 7701);
const c = await open("c", 7702);
await a.bootstrap("town");
await b.join("town", a.url);
await c.join("town", a.url);
await b.publish("hello");
await c.barrier();
for await (const entry of c.entries({ follow: false })) console.log(entry.index, entry.text());
for (const node of [c, b, a]) await node.stop();
