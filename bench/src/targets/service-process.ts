/** The service as its users run it, and the bare server beside it: each in a process of its own, with a probe in it. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SERVICE = fileURLToPath(new URL("../../../apps/target-service/dist/main.js", import.meta.url));
const BARE = fileURLToPath(new URL("../programs/bare-join.mjs", import.meta.url));
const PROBE = new URL("probe.mjs", import.meta.url).href;

/** Credential of the platform, which may do everything but what is an instance's own. */
export const PLATFORM = `pft_platform_${"b".repeat(43)}`;

/** Where a server keeps what it is told. */
export type StorePlace =
  | { readonly kind: "memory" }
  | { readonly kind: "sqlite" }
  | { readonly kind: "postgres"; readonly url: string };

/** See `probe.mjs`. */
export interface Costs {
  readonly turnMs: number;
  readonly turnCpuMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** What it has cost since the last question. */
  costs(): Promise<Costs>;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly store: StorePlace;
  /** Lines of an export that the store is filled with before the server starts. Default: none. */
  readonly records?: Iterable<string>;
  /** Further lines of the service's configuration. */
  readonly lines?: readonly string[];
}

/** Instances that a project may have in these measurements. */
const QUOTA = 1_000_000;

/** The service with rate limits as they come, a log at its usual level, and the audit in a file. */
export async function startService({ store, records, lines = [] }: ServerOptions): Promise<RunningServer> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-bench-"));
  const sha256 = createHash("sha256").update(PLATFORM).digest("hex");
  await writeFile(
    join(dir, "tokens.yaml"),
    `tokens:\n  - {name: bench, role: platform, sha256: "${sha256}"}\n`,
  );
  const config = join(dir, "config.yaml");
  const places = {
    memory: "{memory: true}",
    sqlite: "{sqlite: targets.db}",
    postgres: `{postgres: "${"url" in store ? store.url : ""}"}`,
  };
  const all = [
    ...["listen: 127.0.0.1:0", `data_dir: ${dir}`, "tokens_file: tokens.yaml", "accept_new_store: true"],
    ...[
      "audit_file: audit.jsonl",
      `store: ${places[store.kind]}`,
      `policy: {instances_per_project: ${QUOTA}}`,
    ],
    ...lines,
  ];
  await writeFile(config, `${all.join("\n")}\n`);
  if (records !== undefined) await fill(dir, config, records);
  return start(dir, [SERVICE, "--config", config]);
}

/** `bare-join.mjs` on a store of the same kind. */
export async function startBare({ store, records = [] }: ServerOptions): Promise<RunningServer> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-bench-"));
  const place = { ...store, file: join(dir, "targets.db"), instancesPerProject: QUOTA };
  await writeFile(join(dir, "store.json"), JSON.stringify(place));
  if (store.kind === "memory") await writeFile(join(dir, "fleet.jsonl"), records);
  else {
    const config = join(dir, "config.yaml");
    const yaml = store.kind === "sqlite" ? "{sqlite: targets.db}" : `{postgres: "${store.url}"}`;
    await writeFile(config, `store: ${yaml}\ndata_dir: ${dir}\n`);
    await fill(dir, config, records);
  }
  return start(dir, [BARE, dir]);
}

async function fill(dir: string, config: string, records: Iterable<string>): Promise<void> {
  const file = join(dir, "records.jsonl");
  await writeFile(file, records);
  const program = spawn(process.execPath, [SERVICE, "--config", config, "import", file], {
    stdio: "inherit",
  });
  await finished(program);
  await rm(file);
}

async function start(dir: string, program: readonly string[]): Promise<RunningServer> {
  const child = spawn(process.execPath, ["--import", PROBE, ...program], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const ended = finished(child).catch(() => {});
  const url = new URL(await listening(child));
  return {
    ...{ host: url.hostname, port: Number(url.port) },
    costs: () =>
      new Promise((resolve) => {
        child.once("message", (costs) => resolve(costs as Costs));
        child.send("costs");
      }),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Where it says that it listens; what it says after that is read and forgotten. */
function listening(child: ChildProcess): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
      if (text.length < 10_000) text += chunk;
      const [, url] = /listens on (\S+)\n/.exec(text) ?? [];
      if (url !== undefined) resolve(url);
    });
    child.once("exit", () => reject(new Error(`the server did not start: ${text}`)));
  });
}

function finished(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`exit ${code}`))));
  });
}
