import type { IncomingHttpHeaders } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createHandClock } from "../../../test/hand-clock.ts";
import { serve } from "../../../test/serve.ts";
import type { ListedGroups } from "./discoverer.ts";
import { runHttpSd } from "./http-sd.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Follows a list whose server answers as it is told. */
async function follow(first: Answer) {
  let answer = first;
  const asked: IncomingHttpHeaders[] = [];
  const url = await serve((request, response) => {
    asked.push(request.headers);
    const { status = 200, headers = {}, body = "" } = answer;
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
  });
  const clock = createHandClock(0);
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const lists: (readonly ListedGroups[])[] = [];
  const failures: string[] = [];
  let reads = 0;
  const client = { fetch: globalThis.fetch, authorization: async () => "Bearer t" };
  void runHttpSd({ url, refresh_interval: 30_000 }, client, {
    previous: [],
    onLists: (next) => lists.push(next),
    onRead: () => reads++,
    onFailure: (_, message) => failures.push(message),
    sleep: clock.sleep,
    signal: ending.signal,
  });
  const settled = (count: number) => expect.poll(() => reads + failures.length, { interval: 2 }).toBe(count);
  await settled(1);
  return {
    ...{ url, asked, lists, failures },
    async next(another: Answer) {
      answer = another;
      const count = reads + failures.length;
      await clock.advance(30_000);
      await settled(count + 1);
    },
  };
}

const list = (...targets: string[]) => JSON.stringify([{ targets, labels: { __meta_x: "1" } }]);

test("a list is asked for as Prometheus does, with credentials, and says where it comes from", async () => {
  const { url, asked, lists } = await follow({ body: list("a:1") });
  expect(asked[0]).toMatchObject({
    accept: "application/json",
    authorization: "Bearer t",
    "x-prometheus-refresh-interval-seconds": "30",
  });
  expect(lists).toEqual([
    [{ source: url, groups: [{ targets: ["a:1"], labels: { __meta_x: "1" } }], meta: { __meta_url: url } }],
  ]);
});

test("a list that has not changed is not sent again where the server has ETags", async () => {
  const { asked, lists, failures, next } = await follow({ body: list("a:1"), headers: { etag: '"1"' } });
  await next({ status: 304 });
  expect(asked[1]).toMatchObject({ "if-none-match": '"1"' });
  expect([lists.length, failures.length]).toEqual([1, 0]);
  await next({ body: list("a:2") });
  await next({ body: list("a:2") });
  expect(asked[3]).not.toHaveProperty("if-none-match");
  expect(lists).toHaveLength(2);
});

for (const { name, answer, says } of [
  { name: "500", answer: { status: 500, body: list() }, says: "the server answered with 500" },
  { name: "204", answer: { status: 204 }, says: "the server answered with 204" },
  { name: "304 without an ETag", answer: { status: 304 }, says: "the server answered with 304" },
  { name: "no JSON", answer: { body: "<html>" }, says: "JSON" },
  { name: "an object", answer: { body: "{}" }, says: "expected a list of groups, got {}" },
  {
    name: "another type",
    answer: { body: list(), headers: { "content-type": "text/plain" } },
    says: "expected application/json, got text/plain",
  },
  { name: "too much", answer: { body: " ".repeat(32 * 1024 * 1024 + 1) }, says: "the list is longer than" },
]) {
  test(`a list that comes as ${name} changes nothing`, async () => {
    const { lists, failures, next } = await follow({ body: list("a:1") });
    await next(answer);
    expect(failures).toEqual([expect.stringContaining(says)]);
    await next({ body: list("a:2") });
    expect([lists.length, failures.length]).toEqual([2, 1]);
  });
}
