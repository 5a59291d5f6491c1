import fc from "fast-check";
import { expect, test } from "vitest";
import { mintJoinToken } from "../tokens/join-token.ts";
import { outsideGrant } from "./endpoints.ts";
import { createAddressPolicy, DEFAULT_POLICY } from "./policy.ts";
import type { Problem } from "./problem.ts";
import { validateInstanceDocument, validateJoin } from "./validate-join.ts";
import { validateSpec } from "./validate-spec.ts";
import { validateTokenRequest } from "./validate-token-request.ts";

const SPEC = {
  id: "i-0123",
  project: "p-1",
  service: "s-1",
  endpoints: [{ name: "node", address: "10.0.0.1" }],
};
const TOKEN_REQUEST = { project: "p-1", service: "s-1", ranges: ["10.0.0.0/24"], endpoints: ["node"] };
const { text: TOKEN } = mintJoinToken(
  {
    project: "p-1",
    service: "s-1",
    scope: "default",
    instanceId: null,
    grant: { ranges: [], endpoints: [] },
    labels: {},
  },
  { now: 0, ttlMs: 1 },
);
const JOIN = {
  token: TOKEN,
  instance_id: "i-1",
  boot_id: "5c6f8a3e-0000-4000-8000-000000000000",
  key: "0".repeat(64),
  endpoints: SPEC.endpoints,
};

function problemsOf(checked: { ok: boolean; problems?: readonly Problem[] }): readonly Problem[] {
  return checked.problems ?? [];
}

test("a spec comes out in canonical form", () => {
  const checked = validateSpec({
    ...SPEC,
    endpoints: [
      { name: "node", address: "FD00::0:1" },
      { name: "app", address: "10.0.0.1", port: 9000 },
    ],
    labels: { zone: "größe", a1: "x y" },
  });
  expect(checked).toEqual({
    ok: true,
    value: {
      ...SPEC,
      scope: "default",
      liveness: "heartbeat",
      endpoints: [
        { name: "app", address: "10.0.0.1", port: 9000 },
        { name: "node", address: "fd00::1", port: 9100 },
      ],
      labels: { a1: "x y", zone: "größe" },
    },
  });
  expect(Object.keys(checked.ok ? checked.value.labels : {})).toEqual(["a1", "zone"]);
});

test("every problem is said at once, with its place", () => {
  const checked = validateSpec({
    id: "-x",
    project: 7,
    liveness: "maybe",
    extra: 1,
    endpoints: [
      { name: "ssh", address: "10.0.0.1" },
      { name: "node", address: "metadata.internal", port: 9100 },
      { name: "node", address: "169.254.169.254" },
      { name: "node", address: "10.0.0.2", port: 22 },
      { name: "app", address: "10.0.0.3", port: 99_999, path: "/x" },
      "node",
    ],
    labels: { job: "x", __address__: "y", Zone: "z", ok: "", tab: "a\tb", lone: "\ud800" },
  });
  expect(problemsOf(checked).map(({ path }) => path)).toEqual([
    "/extra",
    "/liveness",
    "/id",
    "/project",
    "/service",
    "/endpoints/0/name",
    "/endpoints/1/address",
    "/endpoints/2/address",
    "/endpoints/3/port",
    "/endpoints/4/path",
    "/endpoints/4/port",
    "/endpoints/5",
    "/labels/Zone",
    "/labels/__address__",
    "/labels/job",
    "/labels/lone",
    "/labels/ok",
    "/labels/tab",
  ]);
  expect(problemsOf(checked)[6]).toEqual({
    path: "/endpoints/1/address",
    expected: "a literal IP address",
    found: '"metadata.internal"',
  });
  expect(problemsOf(checked)[4]?.found).toBe("nothing");
});

for (const { name, address, why } of [
  { name: "loopback", address: "127.0.0.1", why: "not loopback" },
  { name: "link-local", address: "169.254.1.1", why: "not link-local" },
  { name: "the unspecified address", address: "0.0.0.0", why: "not unspecified" },
  { name: "multicast", address: "224.0.0.1", why: "not multicast" },
  { name: "broadcast", address: "255.255.255.255", why: "not reserved" },
  { name: "a public address", address: "8.8.8.8", why: "in 10.0.0.0/8" },
  { name: "a metadata service inside a private range", address: "fd00:ec2::254", why: "not a metadata" },
  { name: "a metadata service in shared space", address: "100.100.100.200", why: "not a metadata" },
  { name: "IPv6 loopback", address: "::1", why: "not unspecified, loopback" },
  { name: "a mapped IPv4 address", address: "::ffff:10.0.0.1", why: "in disguise" },
  { name: "a translated IPv4 address", address: "64:ff9b::a00:1", why: "in disguise" },
  { name: "6to4", address: "2002:a00:1::", why: "in disguise" },
  { name: "IPv6 link-local", address: "fe80::1", why: "not link-local" },
]) {
  test(`${name} is refused as a target`, () => {
    const everything = { ...DEFAULT_POLICY, ranges: ["0.0.0.0/0", "::/0"] };
    const policies = why.startsWith("in 10") ? [DEFAULT_POLICY] : [DEFAULT_POLICY, everything];
    for (const policy of policies) {
      const checked = validateSpec({ ...SPEC, endpoints: [{ name: "node", address }] }, policy);
      expect(problemsOf(checked).map(({ expected }) => expected)).toEqual([expect.stringContaining(why)]);
    }
  });
}

test("loopback can be allowed, and a service's own address refused", () => {
  const policy = { ...DEFAULT_POLICY, loopback: true, refuse: ["10.0.0.9/32"] };
  const at = (address: string): boolean =>
    validateSpec({ ...SPEC, endpoints: [{ name: "node", address }] }, policy).ok;
  expect([at("127.0.0.1"), at("127.9.9.9"), at("10.0.0.9"), at("10.0.0.8"), at("::1")]).toEqual([
    true,
    true,
    false,
    true,
    false,
  ]);
});

test("a policy that is no policy is refused", () => {
  expect(() => createAddressPolicy({ ...DEFAULT_POLICY, ranges: ["10.0.0.1/8"] })).toThrow(RangeError);
});

test("two endpoints with one address and port are refused", () => {
  const place = { address: "10.0.0.1", port: 8080 };
  const endpoints = [
    { name: "app", ...place },
    { name: "cadvisor", ...place },
  ];
  expect(problemsOf(validateSpec({ ...SPEC, endpoints })).map(({ path }) => path)).toEqual([
    "/endpoints/1/address",
  ]);
});

for (const { name, labels, ok } of [
  { name: "16 labels", labels: labelsOf(16), ok: true },
  { name: "17 labels", labels: labelsOf(17), ok: false },
  { name: "a name of 63", labels: { ["a".repeat(63)]: "x" }, ok: true },
  { name: "a name of 64", labels: { ["a".repeat(64)]: "x" }, ok: false },
  { name: "a value of 128 bytes", labels: { a: "ß".repeat(64) }, ok: true },
  { name: "a value of 129 bytes", labels: { a: `${"ß".repeat(64)}x` }, ok: false },
  { name: "a value with a space at its end", labels: { a: "x " }, ok: false },
  { name: "a value that turns the text around", labels: { a: "x\u202ey" }, ok: false },
  { name: "a value with a line break", labels: { a: "x\ny" }, ok: false },
  { name: "a value with NUL", labels: { a: "x\0" }, ok: false },
  { name: "a number", labels: { a: 1 }, ok: false },
  { name: "an array", labels: ["a"], ok: false },
]) {
  test(`labels: ${name} ${ok ? "pass" : "do not pass"}`, () => {
    expect(validateSpec({ ...SPEC, labels }).ok).toBe(ok);
  });
}

test("a token request comes out as a binding", () => {
  expect(
    validateTokenRequest({
      ...TOKEN_REQUEST,
      ranges: ["10.1.0.0/16", "10.0.0.0/24", "10.0.0.0/24"],
      endpoints: [{ name: "app", ports: [9000, 8080, 9000] }, "node"],
      instance_id: "i-1",
      ttl: 60,
    }),
  ).toEqual({
    ok: true,
    value: {
      binding: {
        project: "p-1",
        service: "s-1",
        scope: "default",
        instanceId: "i-1",
        grant: {
          ranges: ["10.0.0.0/24", "10.1.0.0/16"],
          endpoints: [
            { name: "app", ports: [8080, 9000] },
            { name: "node", ports: [9100] },
          ],
        },
        labels: {},
      },
      ttlMs: 60_000,
    },
  });
});

for (const { name, change, path } of [
  { name: "a range beyond the policy", change: { ranges: ["0.0.0.0/0"] }, path: "/ranges/0" },
  { name: "a range that is partly outside", change: { ranges: ["172.0.0.0/8"] }, path: "/ranges/0" },
  { name: "loopback", change: { ranges: ["127.0.0.0/8"] }, path: "/ranges/0" },
  { name: "bits below the prefix", change: { ranges: ["10.0.0.1/24"] }, path: "/ranges/0" },
  { name: "no range", change: { ranges: [] }, path: "/ranges" },
  { name: "an unknown endpoint", change: { endpoints: ["ssh"] }, path: "/endpoints/0/name" },
  { name: "an endpoint twice", change: { endpoints: ["node", "node"] }, path: "/endpoints/1/name" },
  {
    name: "a port of another kind",
    change: { endpoints: [{ name: "node", ports: [22] }] },
    path: "/endpoints/0/ports",
  },
  { name: "no ports", change: { endpoints: [{ name: "node", ports: [] }] }, path: "/endpoints/0/ports" },
  { name: "more than 30 minutes", change: { ttl: 1_801 }, path: "/ttl" },
  { name: "no time", change: { ttl: 0 }, path: "/ttl" },
  { name: "an instance id that is none", change: { instance_id: "" }, path: "/instance_id" },
]) {
  test(`a token request is refused for ${name}`, () => {
    const checked = validateTokenRequest({ ...TOKEN_REQUEST, ...change });
    expect(problemsOf(checked).map((problem) => problem.path)).toEqual([path]);
  });
}

test("a join comes out with the token in parts", () => {
  const [id, secret] = TOKEN.split(".");
  expect(validateJoin(JOIN)).toEqual({
    ok: true,
    value: {
      token: { id, secret, caHash: null },
      instanceId: "i-1",
      bootId: JOIN.boot_id,
      keyHash: JOIN.key,
      endpoints: [{ name: "node", address: "10.0.0.1", port: 9100 }],
    },
  });
});

test("problems of a join show neither token nor key", () => {
  const secrets = { token: `${TOKEN}.x`, key: "SECRET-KEY" };
  const checked = validateJoin({ ...JOIN, ...secrets });
  expect(problemsOf(checked).map(({ path, found }) => [path, found])).toEqual([
    ["/token", "not shown"],
    ["/key", "not shown"],
  ]);
});

test("an instance states its boot and its endpoints, nothing else", () => {
  const { boot_id, endpoints } = JOIN;
  expect(validateInstanceDocument({ boot_id, endpoints }).ok).toBe(true);
  expect(validateInstanceDocument({ boot_id, endpoints, project: "p-2" }).ok).toBe(false);
});

test("a ttl that has no number in it is a problem, not an error", () => {
  expect(problemsOf(validateTokenRequest({ ttl: [{ toString: 0 }] }))).toContainEqual(
    expect.objectContaining({ path: "/ttl", found: "an array of 1" }),
  );
});

const validators = { validateSpec, validateTokenRequest, validateJoin, validateInstanceDocument };
for (const [name, validate] of Object.entries(validators)) {
  test(`${name} answers whatever comes, in bounded words`, () => {
    const document = fc.oneof(
      fc.anything({ withNullPrototype: true }),
      fc.record(
        Object.fromEntries(
          ["id", "project", "token", "key", "endpoints", "labels", "ranges", "ttl", "boot_id"].map(
            (field) => [field, fc.anything()],
          ),
        ),
        { requiredKeys: [] },
      ),
      fc.dictionary(fc.string(), fc.string(), { maxKeys: 80 }),
    );
    fc.assert(
      fc.property(document, (input) => {
        const checked = validate(input);
        const problems = problemsOf(checked);
        expect(problems.length).toBeLessThanOrEqual(50);
        for (const { path, expected, found } of problems) {
          expect(path.length).toBeLessThanOrEqual(200);
          expect(found.length).toBeLessThanOrEqual(64);
          expect(expected).not.toBe("");
        }
        expect(checked.ok).toBe(problems.length === 0);
      }),
      { numRuns: 200 },
    );
  });
}

test("what a spec came out as goes in unchanged", () => {
  const spec = fc.record({
    id: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/),
    project: fc.constant("p"),
    service: fc.constant("s"),
    endpoints: fc.uniqueArray(
      fc.record({
        name: fc.constant("app"),
        address: fc.ipV4().map((address) => address.replace(/^\d+/, "10")),
        port: fc.integer({ min: 1024, max: 65_535 }),
      }),
      { minLength: 1, maxLength: 8, selector: ({ address, port }) => `${address} ${port}` },
    ),
    labels: fc.dictionary(
      fc
        .stringMatching(/^[a-z][a-z0-9_]{4,10}$/)
        .filter((name) => name !== "instance" && !name.endsWith("_id")),
      fc.stringMatching(/^[!-~]{1,40}$/),
      { maxKeys: 16 },
    ),
  });
  fc.assert(
    fc.property(spec, (input) => {
      const first = validateSpec(input);
      if (!first.ok) {
        expect(problemsOf(first)).toEqual([]);
        return;
      }
      expect(validateSpec(first.value)).toEqual(first);
    }),
    { numRuns: 200 },
  );
});

test("a grant allows its ranges, names and ports, and nothing beside them", () => {
  const grant = { ranges: ["10.0.0.0/24", "fd00::/64"], endpoints: [{ name: "node", ports: [9100] }] };
  const at = (address: string, port = 9100, name = "node"): boolean =>
    outsideGrant([{ name, address, port }], grant) === undefined;
  expect([at("10.0.0.255"), at("fd00::1"), at("10.0.1.0"), at("fd00:0:0:1::")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([at("10.0.0.1", 9101), at("10.0.0.1", 9100, "app"), at("nonsense")]).toEqual([false, false, false]);
});

function labelsOf(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`label${i}`, "x"]));
}
