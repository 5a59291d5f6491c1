import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { serve } from "../../test/serve.ts";
import { fetchPage } from "./fetch-page.ts";
import { createScrapeFetch } from "./scrape-fetch.ts";

const client = { fetch: createScrapeFetch(), authorization: async () => "Bearer secret" };
const read = async (url: string) =>
  Buffer.from((await fetchPage(url, { timeoutMs: 5_000, client, formats: ["scrape"] })).bytes).toString();

/** On one of the ports that browsers, and with them the platform's `fetch`, refuse. */
async function listenOnRefusedPort(server: Server): Promise<number> {
  for (const port of [10080, 6669, 6668, 6667, 6666, 6665, 6000]) {
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (isFree) return port;
  }
  throw new Error("none of these ports is free here");
}

test("a page is had on a port that browsers refuse, with the headers of a scraper and no others", async () => {
  let seen: IncomingHttpHeaders = {};
  const server = createServer((request, response) => {
    seen = request.headers;
    response.end("a 1\n");
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const port = await listenOnRefusedPort(server);
  expect(await read(`http://127.0.0.1:${port}/metrics`)).toBe("a 1\n");
  expect(Object.keys(seen).sort()).toEqual([
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "host",
    "user-agent",
    "x-prometheus-scrape-timeout-seconds",
  ]);
  expect(seen["user-agent"]).toMatch(/^promferry\/\d/);
});

test("a compressed page without its end is no page, though all of its lines are whole", async () => {
  const page = gzipSync("a 1\n".repeat(1000));
  const url = await serve((request, response) => {
    const body = request.url === "/cut" ? page.subarray(0, -8) : page;
    response.writeHead(200, { "content-encoding": "gzip" }).end(body);
  });
  expect(await read(`${url}/whole`)).toHaveLength(4000);
  await expect(read(`${url}/cut`)).rejects.toThrow("the compressed body has no end");
});

for (const { name, status, headers, says } of [
  { name: "an empty answer", status: 204, headers: {}, says: "the server answered with 204" },
  {
    name: "a compression that nobody asked for",
    status: 200,
    headers: { "content-encoding": "br" },
    says: 'the server compresses with "br"; asked for was gzip',
  },
  {
    name: "a redirect in a circle",
    status: 302,
    headers: { location: "/" },
    says: "more than 10 redirects",
  },
]) {
  test(`${name} is no page`, async () => {
    const url = await serve((_, response) => response.writeHead(status, headers).end());
    await expect(read(url)).rejects.toThrow(says);
  });
}

test("redirects are followed, and credentials stay with the first server", async () => {
  const seen: (string | undefined)[] = [];
  const second = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.end("a 1\n");
  });
  const first = await serve((request, response) => {
    seen.push(request.headers.authorization);
    const location = request.url === "/metrics" ? "other" : `${second}/metrics`;
    response.writeHead(307, { location }).end("moved");
  });
  expect(await read(`${first}/metrics`)).toBe("a 1\n");
  expect(seen).toEqual(["Bearer secret", "Bearer secret", undefined]);
});
