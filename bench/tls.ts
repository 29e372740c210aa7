/** What is left of a cluster's throughput when everything passes over TLS, mutually. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { ClientOptions } from "../src/index.ts";
import { inClientProcess } from "./load/client-task.ts";
import type { Bench } from "./loads.ts";
import type { TlsCost } from "./result.ts";
import { inScratch, whileRunning } from "./scratch.ts";
import { median } from "./statistics.ts";
import { kibitzer, kibitzerBy } from "./systems/kibitzer.ts";
import type { System } from "./systems/system.ts";

type Tls = NonNullable<ClientOptions["tls"]>;

const load = { size: 128, load: { kind: "closed", outstanding: 1024 } } as const;

export async function measureTls(bench: Bench): Promise<TlsCost> {
  return await inScratch(bench.port, async ({ directory }) => {
    const tls = makeCertificate(directory);
    const flags = ["--tls-cert", tls.cert, "--tls-key", tls.key, "--tls-ca", tls.ca];
    const secure = kibitzerBy({ flags, scheme: "wss", tls });
    const on: number[] = [];
    const off: number[] = [];
    for (let round = 0; round < bench.plan.rounds; round += 1) {
      bench.step("kibitzer: with and without TLS");
      on.push(await rate(bench, secure, tls));
      off.push(await rate(bench, kibitzer));
    }
    return { on: median(on), off: median(off), ratio: median(on) / median(off) };
  });
}

async function rate(bench: Bench, system: System, tls?: Tls): Promise<number> {
  const { seconds, warmUpSeconds } = bench.plan;
  return await whileRunning(system, bench.port, async (running) => {
    const works = [{ ...load, seconds, warmUpSeconds }];
    const { endpoints } = running;
    const task = { system: "kibitzer", endpoints, pids: running.pids(), works } as const;
    const [measured] = await inClientProcess(tls === undefined ? task : { ...task, tls });
    return measured?.rate ?? 0;
  });
}

/** One that all nodes and the client show, and that signs itself. */
function makeCertificate(directory: string): Readonly<Record<"cert" | "key" | "ca", string>> {
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const terms = ["-days", "1", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", key, "-out", cert];
  execFileSync("openssl", ["req", "-x509", ...kind, ...terms, ...files], { stdio: "pipe" });
  return { cert, key, ca: cert };
}
