import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "@promferry/target-registry/store";
import { expect, type TestContext, test } from "vitest";
import { settle } from "./config/settings.ts";
import { makeFirstToken } from "./first-token.ts";
import { runService } from "./run-service.ts";

async function start(context: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "run-service-"));
  context.onTestFinished(() => rmSync(dir, { recursive: true }));
  const text = `listen: 127.0.0.1:0\ndata_dir: ${dir}\nstore: {memory: true}\n`;
  const settings = settle({ file: { path: join(dir, "targets.yaml"), text }, env: {}, home: dir });
  await makeFirstToken(settings.tokensFile, dir, true);
  const store = createMemoryStore();
  const service = await runService({ settings, store, lastWordsMs: 100, logStream: { write: () => {} } });
  return { store, service, port: Number(new URL(service.url).port) };
}

test("a client that sends half a request does not hold up the end", { timeout: 5_000 }, async (context) => {
  const { store, service, port } = await start(context);
  const client = connect(port, "127.0.0.1");
  client.on("error", () => {});
  const cut = once(client, "close");
  client.write("POST /v1/join HTTP/1.1\r\nHost: targets\r\n");
  client.write("Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  // What came before it on the wire has been read once this is answered.
  expect((await fetch(`${service.url}/healthz`, { headers: { connection: "close" } })).status).toBe(200);
  await service.stop();
  await cut;
  await expect(store.info()).rejects.toMatchObject({ code: "ERR_STORE_CLOSED" });
});
