import { createServer as createTcpServer } from "node:net";
import { expect, type TestContext, test } from "vitest";
import { type Answer, startReceiver } from "../testing/receiver.ts";
import type { EncodedRequest } from "./destination.ts";
import type { HttpOptions } from "./http-options.ts";
import { sendRequest } from "./send-request.ts";

const post = (url: string, headers: Record<string, string> = {}): EncodedRequest => ({
  method: "POST",
  url,
  headers,
  body: Buffer.from("up 1\n"),
});

async function open({ onTestFinished }: TestContext, answer?: Answer) {
  const receiver = await startReceiver(answer);
  onTestFinished(() => receiver.close());
  return receiver;
}

test("sendRequest resolves with status and headers of any 2xx", async (context) => {
  const receiver = await open(context, (_, response) => response.writeHead(204, { "X-Written": "3" }).end());
  const reply = await sendRequest(post(receiver.url));
  expect(reply.status).toBe(204);
  expect(reply.headers.get("x-written")).toBe("3");
});

for (const timeoutMs of [30 * 86_400_000, Number.POSITIVE_INFINITY]) {
  test(`sendRequest does not cut off an answer that may take ${timeoutMs} ms`, async () => {
    // Timers fire in order: one that was taken for 1 ms has aborted by then.
    const fetch: HttpOptions["fetch"] = async (_, init) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      init?.signal?.throwIfAborted();
      return new Response(null, { status: 204 });
    };
    expect((await sendRequest(post("http://127.0.0.1:1/"), { timeoutMs, fetch })).status).toBe(204);
  });
}

test("sendRequest believes a 2xx whose body is cut off", async (context) => {
  const receiver = await open(context, (_, response) => {
    response.writeHead(200, { "Content-Length": "100" });
    response.write("half");
    setImmediate(() => response.destroy());
  });
  expect((await sendRequest(post(receiver.url))).status).toBe(200);
});

test("sendRequest lets the protocol's headers win over the user's", async (context) => {
  const receiver = await open(context);
  await sendRequest(post(receiver.url, { "X-Kind": "protocol" }), {
    headers: { "x-kind": "user", "x-a": "1" },
  });
  expect(receiver.requests[0]?.headers).toMatchObject({ "x-kind": "protocol", "x-a": "1" });
});

test("sendRequest sends an empty PUT with length 0", async (context) => {
  const receiver = await open(context);
  await sendRequest({ method: "PUT", url: receiver.url, headers: {}, body: new Uint8Array() });
  expect(receiver.requests[0]?.headers["content-length"]).toBe("0");
  expect(receiver.requests[0]?.body.length).toBe(0);
});

test("sendRequest shows a body as one line without control characters", async (context) => {
  const receiver = await open(context, (_, response) =>
    response.writeHead(400).end("bad\r\n\u001b[31mline\u0000 7\u202e\n"),
  );
  await expect(sendRequest(post(receiver.url))).rejects.toThrow("answered with 400: bad [31mline 7");
});

test("sendRequest cuts no secret in half", async (context) => {
  const token = "abcdefgh-".repeat(20);
  const receiver = await open(context, (_, response) =>
    response.writeHead(400).end(`${"x".repeat(1000)} ${token}`),
  );
  const sent = sendRequest(post(receiver.url), { authorization: async () => `Bearer ${token}` });
  await expect(sent).rejects.not.toThrow("abcdefgh");
});

test("sendRequest reads no endless error body", async (context) => {
  const receiver = await open(context, (_, response) => {
    response.writeHead(400);
    const flood = () => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
    };
    response.on("drain", flood);
    flood();
  });
  await expect(sendRequest(post(receiver.url))).rejects.toMatchObject({ status: 400 });
});

test("sendRequest shows a bad credential's fault and not the credential", async (context) => {
  const receiver = await open(context);
  const sent = sendRequest(post(receiver.url), { authorization: async () => "Bearer hun\nter2" });
  await expect(sent).rejects.toMatchObject({ code: "ERR_DELIVERY_UNAUTHORIZED" });
  await expect(sent).rejects.not.toThrow("hun");
  expect(receiver.requests).toEqual([]);
});

test("sendRequest is not in doubt when the TLS handshake fails", async ({ onTestFinished }) => {
  const plain = createTcpServer((socket) => socket.on("error", () => {}).end("no TLS here\r\n"));
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void plain.close());
  const { port } = plain.address() as { port: number };

  await expect(sendRequest(post(`https://127.0.0.1:${port}/`))).rejects.toMatchObject({
    code: "ERR_DELIVERY_UNREACHABLE",
    inDoubt: false,
    message: expect.stringContaining("TLS settings"),
  });
});

const systemError = (code: string, syscall = "") =>
  Object.assign(new Error(`it broke (${code})`), { code, syscall });

for (const { name, thrown, inDoubt } of [
  { name: "ENOTFOUND", thrown: systemError("ENOTFOUND"), inDoubt: false },
  { name: "EAI_AGAIN", thrown: systemError("EAI_AGAIN"), inDoubt: false },
  { name: "an expired certificate", thrown: systemError("CERT_HAS_EXPIRED"), inDoubt: false },
  { name: "a time-out of connect", thrown: systemError("ETIMEDOUT", "connect"), inDoubt: false },
  { name: "a time-out of read", thrown: systemError("ETIMEDOUT", "read"), inDoubt: true },
  {
    name: "an end within the TLS handshake",
    thrown: Object.assign(
      new Error("Client network socket disconnected before secure TLS connection was established"),
      { code: "ECONNRESET" },
    ),
    inDoubt: false,
  },
  {
    name: "a proxy's refusal",
    thrown: new Error("Proxy response (407) !== 200 when HTTP Tunneling"),
    inDoubt: false,
  },
  { name: "EPIPE", thrown: systemError("EPIPE", "write"), inDoubt: true },
  {
    name: "every address refused",
    thrown: new AggregateError([systemError("ECONNREFUSED")]),
    inDoubt: false,
  },
  { name: "no error at all", thrown: "what?", inDoubt: true },
]) {
  test(`sendRequest is ${inDoubt ? "" : "not "}in doubt after ${name}`, async () => {
    const fetch: NonNullable<HttpOptions["fetch"]> = async () => {
      throw new TypeError("fetch failed", { cause: thrown });
    };
    await expect(sendRequest(post("http://metrics.test/push"), { fetch })).rejects.toMatchObject({
      code: "ERR_DELIVERY_UNREACHABLE",
      inDoubt,
      message: expect.stringContaining("POST to metrics.test failed: "),
    });
  });
}

test("sendRequest takes a port that fetch refuses for a wrong URL", async () => {
  await expect(sendRequest(post("http://127.0.0.1:9/"))).rejects.toMatchObject({
    code: "ERR_DELIVERY_MISCONFIGURED",
    inDoubt: false,
  });
});
