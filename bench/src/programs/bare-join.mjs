/**
 * `POST /v1/join` on nothing but `node:http`, with the checks of the service: size and type of the body, every field by the
 * registry's own validators, a limit for each token, the token, the address; and a line of audit for each. What it leaves out
 * is what the framework is for: schemas and their document, other routes, problem documents of other errors, metrics, a log.
 *
 * Usage: `bare-join.mjs DIRECTORY`, which has `store.json` (`{"kind": "memory" | "sqlite" | "postgres", …}`) and, for a store in
 * memory, `fleet.jsonl`. A plain script on what is published.
 */
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  createAddressPolicy,
  DEFAULT_POLICY,
  DEFAULT_TIMINGS,
  hashSecret,
  validateJoin,
} from "@promferry/target-registry";
import { createMemoryStore } from "@promferry/target-registry/store";

const dir = process.argv[2] ?? "";
const place = JSON.parse(readFileSync(join(dir, "store.json"), "utf8"));
const policy = { ...DEFAULT_POLICY, instancesPerProject: place.instancesPerProject };
const addresses = createAddressPolicy(policy);
const store = await openStore();
const audit = createWriteStream(join(dir, "audit-bare.jsonl"), { flags: "a", mode: 0o600 });
const lease = Math.floor(DEFAULT_TIMINGS.leaseMs / 1_000);
const pace = DEFAULT_TIMINGS.heartbeatMs / 1_000;
const BODY_LIMIT = 64 * 1_024;
const PER_MINUTE = 30;
/** @type {Map<string, number>} */
let calls = new Map();
setInterval(() => {
  calls = new Map();
}, 60_000).unref();

const server = createServer((request, response) => {
  if (request.method !== "POST" || request.url !== "/v1/join") return void refuse(response, 404, "not_found");
  if (request.headers["content-type"] !== "application/json") {
    return void refuse(response, 415, "unsupported_media_type");
  }
  /** @type {Buffer[]} */
  const chunks = [];
  let size = 0;
  request.on("data", (chunk) => {
    size += chunk.length;
    if (size > BODY_LIMIT) {
      refuse(response, 413, "body_too_large");
      request.destroy();
    } else chunks.push(chunk);
  });
  request.on("end", () => {
    const text = chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString();
    answer(text, request.socket.remoteAddress ?? "", response).catch(() => refuse(response, 500, "internal"));
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${server.address().port}`));
process.once("SIGTERM", async () => {
  server.closeAllConnections();
  server.close();
  await store.close();
  audit.end();
});

async function answer(text, ip, response) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    return refuse(response, 400, "invalid_json");
  }
  const key = `join ${ip} ${String(body?.token).slice(0, 23)}`;
  const used = (calls.get(key) ?? 0) + 1;
  calls.set(key, used);
  if (used > PER_MINUTE) return refuse(response, 429, "rate_limited");
  const checked = validateJoin(body, policy, addresses);
  if (!checked.ok) return refuse(response, 422, "invalid_content", checked.problems);
  const { token, ...instance } = checked.value;
  const id = randomUUID();
  const verified = instance.endpoints.every(({ address }) => address === ip);
  const actor = `instance:${instance.instanceId}`;
  const joined = await store.join(
    { ...instance, tokenId: token.id, secretHash: hashSecret(token.secret), verified },
    { actor, request: id },
  );
  const status = joined.ok ? (joined.change === "replayed" ? 200 : 201) : 409;
  audit.write(
    `${JSON.stringify({
      ...{ at: new Date().toISOString(), action: "instance.join", actor: "anyone", ip, request: id, status },
      ...{ ...(!joined.ok && { code: joined.code }), join_token: token.id, instance: instance.instanceId },
    })}\n`,
  );
  if (!joined.ok) return refuse(response, status, joined.code);
  send(response, status, {
    ...{ instance_id: joined.instance.id, rev: joined.instance.rev, lease, heartbeat_after: pace },
  });
}

function refuse(response, status, code, problems) {
  send(response, status, { type: "about:blank", status, code, problems });
}

function send(response, status, answer) {
  const text = JSON.stringify(answer);
  response
    .writeHead(status, {
      "content-type": "application/json; charset=utf-8",
      "content-length": Buffer.byteLength(text),
      "heartbeat-after": pace,
    })
    .end(text);
}

async function openStore() {
  const options = { instancesPerProject: policy.instancesPerProject };
  if (place.kind !== "memory") {
    const stores = await import(
      new URL("../../../apps/target-service/dist/stores/index.js", import.meta.url).href
    );
    if (place.kind === "sqlite") return stores.openSqliteStore({ ...options, file: place.file });
    return stores.openPostgresStore({ ...options, url: place.url });
  }
  const store = createMemoryStore(options);
  await store.import(recordsOf(join(dir, "fleet.jsonl")));
  return store;
}

async function* recordsOf(file) {
  for await (const line of createInterface({ input: createReadStream(file) })) yield JSON.parse(line);
}
