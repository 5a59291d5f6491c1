import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { createHttpClient } from "./http-client.ts";

/** A self-signed certificate for localhost and its key, made for these tests alone. */
const CERT = fileURLToPath(new URL("../../test/tls/cert.pem", import.meta.url));
const KEY = fileURLToPath(new URL("../../test/tls/key.pem", import.meta.url));

async function listen(server: Server & { closeAllConnections?(): void }): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const client = (url: string, options: { tls?: object; env?: Record<string, string> } = {}) =>
  createHttpClient({
    url,
    owner: "destination d",
    tls: options.tls && { ca: undefined, cert: undefined, key: undefined, ...options.tls },
    env: options.env ?? {},
  });

test("a private authority and a client certificate are used", async () => {
  const server = createTlsServer(
    {
      cert: readFileSync(CERT),
      key: readFileSync(KEY),
      ca: readFileSync(CERT),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => response.end(String((request.socket as TLSSocket).authorized)),
  );
  const url = `https://localhost:${await listen(server)}/`;
  const trusting = await client(url, { tls: { ca: CERT } });
  expect(await (await trusting!(url)).text()).toBe("false");
  const known = await client(url, { tls: { ca: CERT, cert: CERT, key: KEY } });
  expect(await (await known!(url, { method: "POST", body: "x" })).text()).toBe("true");
  await expect(fetch(url)).rejects.toThrow();
});

test("a certificate that can't be read is exit 78 and names the setting", async () => {
  await expect(client("https://localhost/", { tls: { ca: "/nowhere.pem" } })).rejects.toMatchObject({
    exitCode: 78,
    message: "tls.ca_file of destination d: /nowhere.pem can't be read (ENOENT)",
  });
});

test("the environment's proxy is asked for other machines, and not where NO_PROXY names them", async () => {
  const asked: (string | undefined)[] = [];
  const proxy = createServer();
  proxy.on("connect", (request, socket) => {
    asked.push(request.url);
    socket.end("HTTP/1.1 502 no\r\n\r\n");
  });
  const proxyUrl = `http://127.0.0.1:${await listen(proxy)}`;
  for (const [url, env] of [
    ["https://p.invalid/", { HTTPS_PROXY: proxyUrl }],
    ["http://p.invalid/", { http_proxy: proxyUrl }],
    ["https://p.invalid/", { HTTPS_PROXY: proxyUrl, NO_PROXY: "p.invalid" }],
  ] as const) {
    const proxied = await client(url, { env });
    await expect(proxied!(url)).rejects.toThrow();
  }
  expect(asked).toEqual(["p.invalid:443", "p.invalid:80"]);
});

for (const url of ["http://127.0.0.1:9/", "https://localhost/"]) {
  test(`${url} is never reached through a proxy`, async () => {
    expect(
      await client(url, { env: { HTTPS_PROXY: "http://p.invalid", HTTP_PROXY: "http://p.invalid" } }),
    ).toBeUndefined();
  });
}
