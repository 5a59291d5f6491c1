import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect, type TestContext, test } from "vitest";
import { authorizationFrom } from "./prometheus-authorization.ts";
import { createPrometheusClient } from "./prometheus-client.ts";

async function serve(context: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  context.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(status: number, body: unknown): RequestListener {
  return (_, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
}

test("a question carries its time limit, credentials and tenant, under the path of the address", async (context) => {
  const seen: object[] = [];
  const url = await serve(context, (request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const { authorization, "x-scope-orgid": tenant } = request.headers;
      seen.push({
        path: request.url,
        authorization,
        tenant,
        ...Object.fromEntries(new URLSearchParams(body)),
      });
      const result = [{ metric: { a: "b" }, value: [12.5, "1e3"] }];
      json(200, { status: "success", data: { resultType: "vector", result }, warnings: ["half of it"] })(
        request,
        response,
      );
    });
  });
  let token = "one";
  const client = createPrometheusClient({
    url: `${url}/prometheus/`,
    authorization: async () => `Bearer ${token}`,
    headers: { "X-Scope-OrgID": "team-a" },
  });

  expect(await client.query("up", 12_500, { timeoutMs: 1_500 })).toEqual({
    series: [{ labels: { a: "b" }, points: [[12_500, 1_000]] }],
    warnings: ["half of it"],
  });
  token = "two";
  await client.queryRange("up", { fromMs: 0, toMs: 60_000, stepMs: 15_000 });
  expect(seen).toEqual([
    {
      path: "/prometheus/api/v1/query",
      authorization: "Bearer one",
      tenant: "team-a",
      query: "up",
      time: "12.500",
      timeout: "1500ms",
    },
    {
      path: "/prometheus/api/v1/query_range",
      authorization: "Bearer two",
      tenant: "team-a",
      query: "up",
      start: "0.000",
      end: "60.000",
      step: "15.000",
      timeout: "10000ms",
    },
  ]);
});

test("values that are no numbers leave no point", async (context) => {
  const values = [
    [1, "NaN"],
    [2, "+Inf"],
    [3, "0"],
  ];
  const url = await serve(
    context,
    json(200, { status: "success", data: { resultType: "matrix", result: [{ metric: {}, values }] } }),
  );
  const range = { fromMs: 0, toMs: 3_000, stepMs: 1_000 };
  const { series } = await createPrometheusClient({ url }).queryRange("x", range);
  expect(series).toEqual([{ labels: {}, points: [[3_000, 0]] }]);
});

test("credentials that can't be read are a problem of their own, and Prometheus is not asked", async () => {
  const client = createPrometheusClient({
    url: "http://127.0.0.1:9",
    authorization: authorizationFrom({ type: "bearer", tokenFile: "/nowhere/token" }),
  });
  await expect(client.query("up", 0)).rejects.toMatchObject({
    code: "prometheus_unauthorized",
    message: "our credentials for Prometheus can't be read: ENOENT",
  });
});

for (const { name, listener, code, says } of [
  { name: "a 401", listener: json(401, "no"), code: "prometheus_unauthorized", says: "credentials" },
  {
    name: "a redirect",
    listener: (_, response) => void response.writeHead(302, { location: "http://127.0.0.9/" }).end(),
    code: "prometheus_refused",
    says: "status 302",
  },
  {
    name: "a query that it refuses",
    listener: json(422, { status: "error", errorType: "execution", error: "too many samples" }),
    code: "prometheus_refused",
    says: "too many samples",
  },
  {
    name: "a query that it gives up",
    listener: json(503, { status: "error", errorType: "timeout", error: "query timed out" }),
    code: "prometheus_timeout",
    says: "too long",
  },
  { name: "a page", listener: json(200, "<html>"), code: "prometheus_refused", says: "<html>" },
  { name: "null", listener: json(200, "null"), code: "prometheus_refused", says: "null" },
  {
    name: "a vector of nonsense",
    listener: json(200, { status: "success", data: { resultType: "vector", result: [7, null] } }),
    code: "prometheus_refused",
    says: "status 200",
  },
  {
    name: "an answer without end",
    listener: json(200, "x".repeat(4_096)),
    code: "prometheus_refused",
    says: "larger than 2048 bytes",
  },
  {
    name: "a cut connection",
    listener: (request) => void request.socket.destroy(),
    code: "prometheus_unreachable",
    says: "ECONNRESET",
  },
  { name: "silence", listener: () => {}, code: "prometheus_timeout", says: "in 1 ms" },
] as readonly { name: string; listener: RequestListener; code: string; says: string }[]) {
  test(`${name} is ${code}`, async (context) => {
    const client = createPrometheusClient({
      url: await serve(context, listener),
      maxBytes: 2_048,
      graceMs: 50,
    });
    const timeoutMs = name === "silence" ? 1 : 5_000;
    const failure = client.query("up", 0, { timeoutMs });
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
  });
}

test("a server with a certificate of the named CA is believed, and no other", async (context) => {
  const [cert, key] = ["cert", "key"].map((name) =>
    readFileSync(new URL(`../../test/tls/${name}.pem`, import.meta.url), "utf8"),
  );
  const answer = json(200, { status: "success", data: { resultType: "vector", result: [] } });
  const server = createTlsServer({ cert, key }, answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  context.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await createPrometheusClient({ url, ca: cert! }).query("up", 0)).toEqual({
    series: [],
    warnings: [],
  });
  await expect(createPrometheusClient({ url }).query("up", 0)).rejects.toMatchObject({
    code: "prometheus_unreachable",
  });
});
