/** A node that founded a republic of its own, at a free port, and how it is asked over HTTP. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kibitzer, type KibitzerOptions } from "../../src/index.ts";

export interface HttpNode extends AsyncDisposable {
  readonly node: Kibitzer;
  /** Where it answers, as `http://127.0.0.1:port`. */
  readonly url: string;
  /** Asks for `path`, as `fetch` does. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

export async function openHttpNode(
  more: Partial<KibitzerOptions> = {},
  isFounded = true,
): Promise<HttpNode> {
  const directory = await mkdtemp(join(tmpdir(), "kibitz-http-"));
  const listen = ["ws://127.0.0.1:0"];
  const node = await Kibitzer.open({ id: "a", directory, listen, record: false, ...more });
  if (isFounded) {
    await node.bootstrap("test");
    // Behind the opening of its government nothing is decided but what a test asks for.
    await node.ready();
  }
  const url = node.url.replace("ws://", "http://");
  return {
    node,
    url,
    ask: async (path, init) => await fetch(`${url}${path}`, init),
    async [Symbol.asyncDispose]() {
      await node.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** What a problem document says, in short. */
export async function problemOf(response: Response): Promise<readonly unknown[]> {
  const { code, retryable, outcome } = JSON.parse(await response.text());
  return [response.status, code, retryable, outcome];
}
