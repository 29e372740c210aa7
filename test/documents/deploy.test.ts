/**
 * The files of deploy/ against what there is: they can be parsed, each is named by another one, and
 * what they start are commands and options of this program.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { blocksOf, root } from "./code-blocks.ts";
import { faultOf } from "./shell-lines.ts";

const deploy = join(root, "deploy");

function read(...names: readonly string[]): string {
  return readFileSync(join(deploy, ...names), "utf8");
}

interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly mountPath: string }[];
}

test("the base of Kubernetes names each of its files, and each is an object or several", () => {
  const { resources }: { resources: readonly string[] } = parse(
    read("kubernetes", "kustomization.yaml"),
  );
  const files = readdirSync(join(deploy, "kubernetes"));
  assert.deepEqual([...resources, "kustomization.yaml"].toSorted(), files.toSorted());
  const kinds = resources.flatMap((file) =>
    parseAllDocuments(read("kubernetes", file)).map((document) => {
      assert.deepEqual(document.errors, [], file);
      return String(document.toJS().kind);
    }),
  );
  const wanted = ["NetworkPolicy", "PodDisruptionBudget", "Service", "Service", "StatefulSet"];
  assert.deepEqual(kinds.toSorted(), wanted);
});

function specsOf(file: string): readonly Readonly<Record<string, unknown>>[] {
  return parseAllDocuments(read("kubernetes", file)).map((document) => document.toJS().spec);
}

test("whatever selects pods selects those of the nodes", () => {
  const label = { "app.kubernetes.io/name": "kibitzer" };
  for (const { selector } of specsOf("services.yaml")) assert.deepEqual(selector, label);
  const [pods, budget, policy] = ["stateful-set", "disruption-budget", "network-policy"].map(
    (name) => specsOf(`${name}.yaml`)[0],
  );
  const wanted = { matchLabels: label };
  assert.deepEqual([pods?.["selector"], budget?.["selector"]], [wanted, wanted]);
  assert.deepEqual(policy?.["podSelector"], wanted);
});

test("pods start a command that there is, on the volume and the port that they have", () => {
  const { spec } = parse(read("kubernetes", "stateful-set.yaml"));
  assert.deepEqual([spec.podManagementPolicy, spec.serviceName], ["Parallel", "kibitzer"]);
  const [container]: readonly Container[] = spec.template.spec.containers;
  assert.ok(container !== undefined);
  assert.equal(faultOf(`kibitz ${container.args.join(" ")}`), null);
  const [port] = container.ports;
  assert.ok(container.args.includes(`--listen=ws://0.0.0.0:${port?.containerPort}`));
  assert.ok(container.args.includes(`--data=${container.volumeMounts[0]?.mountPath}`));
});

/** A name as pods elsewhere have to say it. */
function inDomains(host: string): readonly string[] {
  return ["", ".svc", ".svc.cluster.local"].map((domain) => `${host}.$(NAMESPACE)${domain}`);
}

test("pods answer to their own names, and to that of the service that clients call", () => {
  const [, service] = parseAllDocuments(read("kubernetes", "services.yaml"));
  const name = service?.getIn(["metadata", "name"]);
  const { spec } = parse(read("kubernetes", "stateful-set.yaml"));
  const [container]: readonly Container[] = spec.template.spec.containers;
  const own = container?.args.find((arg) => arg.startsWith("--advertise="));
  const advertised = new URL(own?.replace("--advertise=", "").replace("$(POD_NAME)", "pod") ?? "");
  const pod = advertised.hostname.replace("pod", "$(POD_NAME)");
  const allowed = container?.args.filter((arg) => arg.startsWith("--allow-host="));
  const names = [...inDomains(pod), String(name), ...inDomains(String(name))];
  assert.deepEqual(
    allowed,
    names.map((host) => `--allow-host=${host}`),
  );
});

test("the page of the probes shows those of the base, none of which ends a long start", () => {
  const page = "docs/health.md";
  const blocks = blocksOf(page, readFileSync(join(root, page), "utf8"));
  const block = blocks.find(({ language }) => language === "yaml");
  const { spec } = parse(read("kubernetes", "stateful-set.yaml"));
  const [container] = spec.template.spec.containers;
  const shown = Object.entries(container).filter(([key]) => /^ports$|Probe$/.test(key));
  assert.deepEqual(parse(block?.code ?? ""), Object.fromEntries(shown));
  assert.equal(container.startupProbe, undefined);
});

test("the image is built from the checkout, no name is taken from a registry", () => {
  const { "x-node": node } = parse(read("compose", "compose.yaml"), { merge: true });
  assert.equal(join(deploy, "compose", node.build.context), root.replace(/\/$/, ""));
  const file = join(root, node.build.dockerfile);
  const dockerfile = readFileSync(file, "utf8").replaceAll("\\\n", " ");
  const installed = [...dockerfile.matchAll(/npm install ([^&\n]*)/g)].flatMap(([, words = ""]) =>
    words.split(" ").filter((word) => word !== "" && !word.startsWith("--")),
  );
  assert.deepEqual(installed, ["/tmp/kibitzer-*.tgz"]);
  const { version }: { version: string } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const readme = readFileSync(join(root, "README.md"), "utf8");
  assert.ok(readme.includes(`npm install ./kibitzer-${version}.tgz`));
});

test("compose starts commands that there are, with settings that there are", () => {
  const { services, volumes } = parse(read("compose", "compose.yaml"), { merge: true });
  const nodes = Object.entries<Record<string, unknown>>(services).filter(([name]) =>
    name.startsWith("kibitzer-"),
  );
  assert.equal(nodes.length, Object.keys(volumes).length);
  for (const [name, { command, environment }] of nodes) {
    assert.ok(Array.isArray(command));
    assert.equal(faultOf(`kibitz ${command.join(" ")}`), null);
    const flags = Object.keys(environment ?? {}).map((key) =>
      key.replace("KIBITZER_", "--").toLowerCase().replaceAll("_", "-"),
    );
    assert.equal(faultOf(`kibitz start ${flags.join(" ")}`), null, name);
    assert.ok(command.some((argument) => String(argument).includes(`ws://${name}:7700`)));
  }
});
