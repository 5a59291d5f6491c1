import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type As,
  BOOT,
  NODE_10,
  SPEC,
  startTestService,
  type TestService,
  TOKEN_REQUEST,
} from "../../test/test-service.ts";

/** Who calls: nobody, somebody unknown, each role, the instance i-1 by its key, and another one by its own. */
const EVERYONE = [
  "nobody",
  "unknown",
  "platform",
  "registrar",
  "foreigner",
  "reader",
  "tenant",
  "itself",
  "another",
] as const;

const OPEN = [200, 200, 200, 200, 200, 200, 200, 200, 200];
const READERS = [401, 401, 200, 403, 403, 200, 200, 401, 401];
const REGISTRARS = [401, 401, 200, 200, 403, 403, 403, 401, 401];
/** By one's own project: nothing of another one's is asked for. */
const ANY_REGISTRAR = [401, 401, 200, 200, 200, 403, 403, 401, 401];
const ANOTHER_TOKEN = `jt-${"a".repeat(20)}`;
const USER_DATA = { project: "p-1", service: "web", ranges: ["10.0.0.0/24"], os: "debian" };

/** Route, body, and the status for each of `EVERYONE`. */
const TABLE: readonly (readonly [line: string, body: unknown, statuses: readonly number[]])[] = [
  ["GET /healthz", undefined, OPEN],
  ["GET /readyz", undefined, OPEN],
  ["GET /metrics", undefined, OPEN],
  ["GET /openapi.json", undefined, OPEN],
  ["POST /v1/join-tokens", TOKEN_REQUEST, REGISTRARS.map((status) => (status === 200 ? 201 : status))],
  [
    `DELETE /v1/join-tokens/${ANOTHER_TOKEN}`,
    undefined,
    ANY_REGISTRAR.map((status) => (status === 200 ? 204 : status)),
  ],
  ["POST /v1/user-data", USER_DATA, REGISTRARS],
  ["POST /v1/user-data/lint", { user_data: "#cloud-config\n" }, ANY_REGISTRAR],
  // Open to anyone: the token in the body is the credential.
  ["POST /v1/join", {}, OPEN.map(() => 400)],
  ["PUT /v1/instances/i-1", SPEC, [401, 422, 200, 200, 403, 403, 403, 422, 422]],
  [
    "PUT /v1/instances/i-1",
    { boot_id: BOOT, endpoints: [NODE_10] },
    [401, 401, 422, 422, 422, 403, 403, 200, 401],
  ],
  ["POST /v1/instances/i-1/heartbeat", { boot_id: BOOT }, [401, 401, 403, 403, 403, 403, 403, 204, 401]],
  ["DELETE /v1/instances/i-1", undefined, [401, 401, 204, 204, 403, 403, 403, 204, 401]],
  ["GET /v1/instances", undefined, ANY_REGISTRAR],
  ["GET /v1/instances?project=p-1", undefined, REGISTRARS],
  ["GET /v1/instances/i-1", undefined, [401, 401, 200, 200, 403, 403, 403, 200, 401]],
  ["GET /v1/instances/i-1/events", undefined, REGISTRARS],
  ["GET /v1/sd/prometheus", undefined, READERS],
  ["GET /v1/sd/prometheus?endpoint=app", undefined, [401, 401, 200, 403, 403, 200, 403, 401, 401]],
  ["GET /v1/sd/prometheus?project=p-2", undefined, [401, 401, 200, 403, 403, 200, 403, 401, 401]],
  ["GET /v1/sd/changes?since=0", undefined, READERS],
  ["POST /v1/sd/confirm", {}, [401, 401, 200, 403, 403, 403, 403, 401, 401]],
  ["GET /v1/config/scrape", undefined, READERS],
  ["GET /v1/config/rules", undefined, READERS],
];

let own: TestService;
beforeEach(async () => {
  own = await startTestService();
});
afterEach(() => {
  expect(own.strays).toEqual([]);
});

for (const [line, body, statuses] of TABLE) {
  test(`${line} is for whom it should be, with ${JSON.stringify(body)?.slice(0, 20)}`, async () => {
    const key = await own.join("i-1");
    const otherKey = await own.join("i-2", "10.0.0.11");
    const before = await own.store.info();
    for (const [i, who] of EVERYONE.entries()) {
      const bearers: Partial<Record<(typeof EVERYONE)[number], string>> = {
        ...{ unknown: "not-a-known-token", itself: key, another: otherKey },
      };
      const bearer = bearers[who];
      const as = who === "nobody" || bearer !== undefined ? {} : { as: who as As };
      const answer = await own.call(line, { body, ...as, ...(bearer && { bearer }) });
      expect(`${who}: ${answer.statusCode}`, answer.body).toBe(`${who}: ${statuses[i]}`);
      if (line.startsWith("DELETE /v1/instances") && answer.statusCode === 204) {
        own = await startTestService();
        await own.join("i-1");
        await own.join("i-2", "10.0.0.11");
      }
    }
    if (line.startsWith("GET")) expect(await own.store.info()).toEqual(before);
  });
}

test("the table has every route", async () => {
  const { paths } = (await own.call("GET /openapi.json")).json() as {
    paths: Record<string, Record<string, unknown>>;
  };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const covered = TABLE.map(([line]) =>
    line.split("?")[0]!.replace("/i-1", "/{id}").replace(/jt-a+/, "{id}"),
  );
  expect(new Set(covered)).toEqual(new Set(routes));
});

test("a refused credential stands in the audit log without itself", async () => {
  await own.call("GET /v1/sd/prometheus", { bearer: "some-stolen-credential" });
  expect(own.audit).toEqual([
    {
      action: "GET /v1/sd/prometheus",
      actor: "anyone",
      ip: "127.0.0.1",
      request: expect.any(String),
      status: 401,
      code: "unauthorized",
    },
  ]);
});
