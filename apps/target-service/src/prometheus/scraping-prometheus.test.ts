import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { openPrometheus } from "./open-prometheus.ts";
import { createScrapingPrometheus } from "./scraping-prometheus.ts";

async function scriptedPrometheus(
  context: TestContext,
  answers: { readonly status: number; readonly body: object }[],
) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { authorization, "x-scope-orgid": tenant } = request.headers;
    const query = new URLSearchParams(body).get("query") ?? "";
    asked.push(`${authorization} ${tenant} ${request.method} ${request.url} ${query}`.trimEnd());
    const { status, body: answer } = answers.shift()!;
    response.writeHead(status).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dir = await mkdtemp(join(tmpdir(), "scraping-prometheus-"));
  context.onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await rm(dir, { recursive: true });
  });
  await writeFile(join(dir, "password"), "geheim\n");
  const client = await openPrometheus(
    { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prom/`, tokenFile: undefined },
    {
      ...{ PROMETHEUS_USERNAME: "ferry", PROMETHEUS_PASSWORD_FILE: join(dir, "password") },
      PROMETHEUS_TENANT: "team-a",
    },
  );
  return { asked, client: client! };
}

const BASIC = `Basic ${Buffer.from("ferry:geheim").toString("base64")}`;

test("evidence and targets are asked for with the same credentials and tenant as metrics", async (context) => {
  const vector = { resultType: "vector", result: [{ metric: { instance_id: "i-1" }, value: [0, "0"] }] };
  const target = (labels: object) => ({ discoveredLabels: labels, labels: {}, health: "up" });
  const activeTargets = [
    target({ __address__: "10.0.0.1:9100", __meta_ferry_instance: "i-1" }),
    target({ __address__: "localhost:9090" }),
  ];
  const { asked, client } = await scriptedPrometheus(context, [
    { status: 200, body: { status: "success", data: vector } },
    { status: 200, body: { status: "success", data: { activeTargets, droppedTargets: [] } } },
  ]);
  const prometheus = createScrapingPrometheus(client);
  expect(await prometheus.down()).toEqual(new Set(["i-1"]));
  expect(await prometheus.activeTargets()).toEqual([{ instance: "i-1", target: "10.0.0.1:9100" }]);
  const down = 'max by (instance_id) (up{instance_id!=""}) == 0';
  expect(asked).toEqual([
    `${BASIC} team-a POST /prom/api/v1/query ${down}`,
    `${BASIC} team-a GET /prom/api/v1/targets?state=active`,
  ]);
});

test("Prometheus that does not answer is no evidence, and no list of targets", async (context) => {
  const { client } = await scriptedPrometheus(context, [
    { status: 500, body: {} },
    { status: 200, body: { status: "success", data: { resultType: "vector", result: "nonsense" } } },
    { status: 200, body: { status: "success", data: { activeTargets: [null] } } },
  ]);
  const codes: string[] = [];
  const prometheus = createScrapingPrometheus(client, {
    onError: (error) => void codes.push((error as { code: string }).code),
  });
  expect(await prometheus.down()).toEqual(new Set());
  expect(await prometheus.down()).toEqual(new Set());
  expect(codes).toEqual(["prometheus_refused", "prometheus_refused"]);
  await expect(prometheus.activeTargets()).rejects.toMatchObject({ code: "prometheus_refused" });
});
