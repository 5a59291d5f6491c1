import { EventEmitter, once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, type TestContext, test } from "vitest";
import {
  credentialOf,
  SPEC,
  startTestService,
  type TestService,
  type TestServiceOptions,
} from "../../test/test-service.ts";
import type { TokenSource } from "../auth/token-file.ts";
import type { ChangeStreamLimits } from "./change-stream.ts";

/** The API on a real socket: a stream has no end that an injected request could wait for. */
async function listen(
  context: TestContext,
  limits: ChangeStreamLimits = {},
  options: TestServiceOptions = {},
) {
  const own = await startTestService({ ...options, service: { changeStreams: { paceMs: 1, ...limits } } });
  await own.app.listen({ host: "127.0.0.1", port: 0 });
  context.onTestFinished(() => {
    own.stop.abort();
    return own.app.close();
  });
  const { port } = own.app.server.address() as AddressInfo;
  return { ...own, url: `http://127.0.0.1:${port}/v1/sd/changes` };
}

interface Stream {
  readonly status: number;
  readonly headers: Headers;
  /** The next event or comment, without its blank line; undefined at the end. */
  next(): Promise<string | undefined>;
  close(): void;
}

async function open(url: string, since: number, headers: Record<string, string> = {}): Promise<Stream> {
  const closing = new AbortController();
  const answer = await fetch(`${url}?since=${since}`, {
    headers: { authorization: `Bearer ${credentialOf("reader")}`, accept: "text/event-stream", ...headers },
    signal: closing.signal,
  });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    status: answer.status,
    headers: answer.headers,
    async next() {
      while (!text.includes("\n\n")) {
        const { done, value } = await reader.read();
        if (done) return text === "" ? undefined : text;
        text += value;
      }
      const [event = "", ...rest] = text.split("\n\n");
      text = rest.join("\n\n");
      return event;
    },
    close: () => closing.abort(),
  };
}

function put({ call }: Pick<TestService, "call">, id: string, address: string) {
  const endpoints = [{ name: "node", address }];
  return call(`PUT /v1/instances/${id}`, {
    as: "platform",
    body: { ...SPEC, liveness: "platform", endpoints },
  });
}

const changed = (rev: number, ...ids: readonly string[]): string =>
  `id: ${rev}\nevent: changes\ndata: ${JSON.stringify({
    rev,
    more: false,
    items: ids.map((id, i) => ({ id, served: true, rev: rev - ids.length + 1 + i })),
  })}`;

test("changes come as events, and a client that was away goes on after the last one it had", async (context) => {
  const own = await listen(context);
  await put(own, "i-1", "10.0.0.1");
  const stream = await open(own.url, 0);
  expect(stream.status).toBe(200);
  expect(stream.headers.get("content-type")).toBe("text/event-stream");
  expect(stream.headers.get("cache-control")).toBe("no-store");
  expect(await stream.next()).toBe("retry: 2000");
  expect(await stream.next()).toBe(changed(1, "i-1"));
  await put(own, "i-2", "10.0.0.2");
  expect(await stream.next()).toBe(changed(2, "i-2"));
  stream.close();

  await put(own, "i-3", "10.0.0.3");
  await put(own, "i-4", "10.0.0.4");
  // The address is still the first one, as a browser's is.
  const again = await open(own.url, 0, { "last-event-id": "2" });
  expect(await again.next()).toBe("retry: 2000");
  expect(await again.next()).toBe(changed(4, "i-3", "i-4"));
});

test("a silent stream shows that it lives", async (context) => {
  const own = await listen(context, { heartbeatMs: 20 });
  const stream = await open(own.url, 0);
  expect([await stream.next(), await stream.next(), await stream.next()]).toEqual([
    "retry: 2000",
    ": still here",
    ": still here",
  ]);
});

test("a tenant is told of its own only, and of every revision", async (context) => {
  const own = await listen(context);
  const stream = await open(own.url, 0, { authorization: `Bearer ${credentialOf("tenant")}` });
  await own.call("PUT /v1/instances/j-1", {
    as: "platform",
    body: { ...SPEC, project: "p-2", liveness: "platform" },
  });
  expect(await stream.next()).toBe("retry: 2000");
  expect(await stream.next()).toBe(changed(1));
});

test("a service that ends ends its streams, at once and in order", async (context) => {
  const own = await listen(context);
  const streams = await Promise.all([open(own.url, 0), open(own.url, 0)]);
  for (const stream of streams) expect(await stream.next()).toBe("retry: 2000");
  own.stop.abort();
  for (const stream of streams) expect(await stream.next()).toBeUndefined();
  await own.app.close();
});

test("what a stream can't go on from is said before it ends", async (context) => {
  const own = await listen(context, { heartbeatMs: 10 });
  const ahead = await open(own.url, 9);
  expect(ahead.status).toBe(409);
  expect(await ahead.next()).toContain('"code":"changes_reset"');

  const stream = await open(own.url, 0);
  expect(await stream.next()).toBe("retry: 2000");
  await own.store.close();
  let last: string | undefined;
  for (let event = await stream.next(); event !== undefined; event = await stream.next()) last = event;
  expect(last).toBe('event: problem\ndata: {"code":"store_unavailable"}');
});

test("streams are limited in number and in time; a client that leaves makes room", async (context) => {
  const own = await listen(context, { streams: 2, heartbeatMs: 10, lifeMs: 200 });
  const [first] = await Promise.all([open(own.url, 0), open(own.url, 0)]);
  const third = await open(own.url, 0);
  expect(third.status).toBe(503);
  expect(third.headers.get("retry-after")).toBe("10");
  expect(await third.next()).toContain('"code":"overloaded"');
  first.close();
  const second = await becomesFree();
  // And one that stays is ended by its time.
  for (let event = await second.next(); event !== undefined; event = await second.next());

  async function becomesFree(): Promise<Stream> {
    for (;;) {
      const stream = await open(own.url, 0);
      if (stream.status === 200) return stream;
      expect(stream.status).toBe(503);
      await delay(10);
    }
  }
});

test("a client that leaves before it is known who it is takes no room", async (context) => {
  const doorbell = new EventEmitter();
  const asked = once(doorbell, "asked");
  let isFirst = true;
  const tokens: TokenSource = {
    async find() {
      if (isFirst) {
        isFirst = false;
        doorbell.emit("asked");
        await once(doorbell, "known");
      }
      return { role: "reader", name: "prometheus" };
    },
  };
  const own = await listen(context, { streams: 1 }, { app: { tokens } });
  own.app.server.once("connection", (socket) => socket.once("close", () => doorbell.emit("left")));
  const leaving = new AbortController();
  const headers = { authorization: `Bearer ${credentialOf("reader")}`, accept: "text/event-stream" };
  const answer = fetch(`${own.url}?since=0`, { headers, signal: leaving.signal });
  await asked;
  const left = once(doorbell, "left");
  leaving.abort();
  await expect(answer).rejects.toThrow();
  await left;
  doorbell.emit("known");
  expect((await open(own.url, 0)).status).toBe(200);
});

test("a long poll that is answered because the service ends holds nothing up", async (context) => {
  const own = await listen(context);
  const headers = { authorization: `Bearer ${credentialOf("reader")}` };
  const waiting = fetch(`${own.url}?since=0&wait=55`, { headers });
  // The route has begun to wait once the next request is answered.
  await fetch(`${own.url}?since=0`, { headers });
  own.stop.abort();
  const answer = await waiting;
  expect([answer.status, answer.headers.get("connection")]).toEqual([204, "close"]);
  await own.app.close();
});

test.each(["x", "-1", "1.5", "9".repeat(16), "1, 2"])(
  "Last-Event-ID %s is a problem document",
  async (id) => {
    const own = await startTestService();
    const answer = await own.call("GET /v1/sd/changes?since=0", {
      as: "reader",
      headers: { accept: "text/event-stream", "last-event-id": id },
    });
    expect(answer.json()).toMatchObject({ status: 400, code: "invalid_request" });
  },
);
