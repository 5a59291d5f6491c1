import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { credentialOf, startTestService, TOKEN_REQUEST } from "../../test/test-service.ts";

const BODY = Buffer.from(JSON.stringify(TOKEN_REQUEST));

for (const { name, body, headers = {}, answer } of [
  {
    name: "in gzip",
    body: gzipSync(BODY),
    headers: { "content-encoding": "gzip" },
    answer: [415, "unsupported_media_type"],
  },
  {
    name: "said to be as it is",
    body: BODY,
    headers: { "content-encoding": "identity" },
    answer: [201, undefined],
  },
  {
    name: "that is not UTF-8",
    body: Buffer.from(JSON.stringify({ ...TOKEN_REQUEST, service: "\xe9" }), "latin1"),
    answer: [400, "invalid_json"],
  },
]) {
  test(`a body ${name} is answered with ${answer[0]}`, async () => {
    const { app } = await startTestService();
    const reply = await app.inject({
      method: "POST",
      url: "/v1/join-tokens",
      headers: {
        authorization: `Bearer ${credentialOf("platform")}`,
        "content-type": "application/json",
        ...headers,
      },
      payload: body,
    });
    expect([reply.statusCode, reply.json().code]).toEqual(answer);
  });
}
