/** A thousand machines that boot at once, against the service with its limits as they come. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import {
  POSTGRES_PROGRAMS,
  requireProgram,
  startPostgres,
  startSource,
  workspaceRoot,
} from "./harness/index.ts";

const MAIN = join(workspaceRoot, "apps/target-service/src/main.ts");
const TOKEN = `pft_platform_${randomBytes(32).toString("base64url")}`;
const MACHINES = 1_000;
const LIMIT_MS = 10_000;

async function startService(context: TestContext, store: string): Promise<URL> {
  const dir = await mkdtemp(join(tmpdir(), "target-burst-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const sha256 = createHash("sha256").update(TOKEN).digest("hex");
  await writeFile(
    join(dir, "tokens.yaml"),
    `tokens:\n  - {name: e2e, role: platform, sha256: "${sha256}"}\n`,
  );
  const lines = [
    "listen: 127.0.0.1:0",
    "data_dir: data",
    "tokens_file: tokens.yaml",
    "accept_new_store: true",
  ];
  await writeFile(
    join(dir, "config.yaml"),
    [...lines, "audit_file: audit.jsonl", "policy: {loopback: true}", `store: ${store}`, ""].join("\n"),
  );
  const program = await startSource(MAIN, ["--config", join(dir, "config.yaml")], { timeoutMs: 110_000 });
  context.onTestFinished(program.stop);
  const [, url] = await program.waitFor(/listens on (\S+)/);
  return new URL(url!);
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function post(url: URL, path: string, body: object, agent: Agent): Promise<Answer> {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method: "POST", headers, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.once("error", reject);
    sent.end(JSON.stringify(body));
  });
}

for (const store of ["sqlite", "postgres"]) {
  test(`${MACHINES} machines that boot at once are all in within ten seconds, on ${store}`, async (context) => {
    let place = "{sqlite: targets.db}";
    if (store === "postgres") {
      requireProgram(context, ...POSTGRES_PROGRAMS);
      const postgres = await startPostgres();
      context.onTestFinished(postgres.stop);
      place = `{postgres: "${postgres.url}"}`;
    }
    const url = await startService(context, place);
    const few = new Agent({ keepAlive: true, maxSockets: 32 });
    context.onTestFinished(() => few.destroy());
    const grant = { project: "p-1", service: "web", ranges: ["127.31.0.0/16"], endpoints: ["node"] };
    const minted = await Promise.all(
      Array.from({ length: MACHINES }, () => post(url, "/v1/join-tokens", grant, few)),
    );
    const bodies = minted.map(({ text }, i) => ({
      token: (JSON.parse(text) as { token: string }).token,
      ...{ instance_id: `i-${i}`, boot_id: "b", key: createHash("sha256").update(`${i}`).digest("hex") },
      endpoints: [{ name: "node", address: `127.31.${i >> 8}.${i & 255}` }],
    }));

    // A connection each, as a thousand machines have.
    const each = new Agent({ maxSockets: MACHINES });
    context.onTestFinished(() => each.destroy());
    const began = performance.now();
    const answers = await Promise.all(bodies.map((body) => post(url, "/v1/join", body, each)));
    const tookMs = performance.now() - began;
    const others = answers.filter(({ status }) => status !== 201);
    expect(others).toEqual([]);
    expect(tookMs).toBeLessThan(LIMIT_MS);
    const listed = await fetch(new URL("/v1/sd/prometheus", url), {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect((await listed.json()) as unknown[]).toHaveLength(MACHINES);
    console.log(`${MACHINES} joins on ${store}: ${Math.round(tookMs)} ms`);
  }, 120_000);
}
