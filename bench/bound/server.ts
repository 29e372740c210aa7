/**
 * One process of the bound: what replication costs without consensus. It writes and syncs what
 * comes, passes it on as it is, and acknowledges what enough disks have. It elects nobody, keeps no
 * order of several clients, recovers nothing and checks nothing; no system of this shape is faster.
 *
 * Arguments: the file, the port, how many disks must have a batch, and the followers' ports.
 */
import { connect, createServer, type Socket } from "node:net";
import { AcknowledgementReader, acknowledgementBytes, BatchCounter } from "./frames.ts";
import { GroupWriter } from "./group-writer.ts";

const [file = "", port = "", disks = "1", ...followerPorts] = process.argv.slice(2);
const followers: Socket[] = [];
/** How many batches each disk has, the own one first. */
const safe: number[] = [0, ...followerPorts.map(() => 0)];
let upstream: Socket | null = null;
/** Batches that came so far, those before this connection of `upstream`, and those told to it. */
let received = 0;
let receivedBefore = 0;
let told = 0;

function tell(): void {
  const reached = safe.toSorted((left, right) => right - left)[Number(disks) - 1] ?? 0;
  if (reached - receivedBefore <= told || upstream === null) return;
  told = reached - receivedBefore;
  const acknowledgement = Buffer.allocUnsafe(acknowledgementBytes);
  acknowledgement.writeUInt32LE(told >>> 0);
  upstream.write(acknowledgement);
}

const writer = new GroupWriter(file, (batches) => {
  safe[0] = (safe[0] ?? 0) + batches;
  tell();
});

function follow(port: number, at: number): void {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const reader = new AcknowledgementReader();
  socket.on("error", () => setTimeout(() => follow(port, at), 5));
  socket.on("connect", () => {
    followers[at] = socket;
    if (followers.filter(Boolean).length === followerPorts.length) listen();
  });
  socket.on("data", (piece) => {
    const count = reader.read(piece);
    if (count === null) return;
    safe[at + 1] = count;
    tell();
  });
}

function listen(): void {
  const server = createServer({ noDelay: true }, (socket) => {
    upstream = socket;
    // One client at a time, each of which counts from its own first batch.
    receivedBefore = received;
    told = 0;
    const counter = new BatchCounter();
    socket.on("data", (piece) => {
      const batches = counter.count(piece);
      received += batches;
      writer.append(piece, batches);
      for (const follower of followers) follower.write(piece);
    });
    socket.on("error", () => socket.destroy());
  });
  server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
}

process.on("SIGTERM", () => process.exit(0));
if (followerPorts.length === 0) listen();
else for (const [at, to] of followerPorts.entries()) follow(Number(to), at);
