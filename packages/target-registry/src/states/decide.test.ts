import { expect, test } from "vitest";
import type { Grant, Instance, InstanceSpec, RemovedBy } from "../model/instance.ts";
import { claimsOf, settleClaims } from "./claims.ts";
import { decide } from "./decide.ts";
import type { AnyEvent } from "./events.ts";
import { DEFAULT_TIMINGS } from "./timings.ts";

const { leaseMs, lostHoldMs, drainMs, expectedMs, keyMs } = DEFAULT_TIMINGS;
const NOW = 1_000_000;
const KEY = "a".repeat(64);
const OTHER_KEY = "b".repeat(64);
const GRANT: Grant = { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] };
const SPEC: InstanceSpec = {
  id: "i-1",
  project: "p-1",
  service: "s-1",
  scope: "default",
  liveness: "heartbeat",
  endpoints: [{ name: "node", address: "10.0.0.1", port: 9100 }],
  labels: {},
};
const ACTIVE: Instance = {
  ...SPEC,
  grant: GRANT,
  state: "active",
  removedBy: null,
  stateSince: 1_000,
  deadline: NOW + 1,
  bootId: "boot-1",
  keyHash: KEY,
  createdAt: 1_000,
  seenAt: 1_000,
  rev: 7,
};
const EXPECTED: Instance = { ...ACTIVE, state: "expected", keyHash: null, bootId: null, seenAt: null };
const LOST: Instance = { ...ACTIVE, state: "lost" };
const DRAINING: Instance = { ...ACTIVE, state: "draining" };
const HELD: Instance = { ...ACTIVE, liveness: "platform", deadline: null, keyHash: null, bootId: null };
const removedBy = (by: RemovedBy): Instance => ({ ...ACTIVE, state: "removed", removedBy: by });
const NEVER: Instance = { ...EXPECTED, state: "removed", removedBy: "never-joined" };

const JOIN = {
  type: "join",
  spec: SPEC,
  grant: GRANT,
  bootId: "boot-1",
  keyHash: KEY,
  bound: false,
  verified: false,
} as const;
const BEAT = { type: "heartbeat", keyHash: KEY, bootId: "boot-1" } as const;
const PUT = { type: "platform-put", spec: SPEC, grant: GRANT } as const;
const OWN_PUT = { ...BEAT, type: "instance-put", endpoints: SPEC.endpoints, verified: false } as const;
const EXPECT = { type: "expect", spec: SPEC, grant: GRANT } as const;
const DRAIN = { type: "drain", keyHash: KEY } as const;
const REMOVE = { type: "remove" } as const;
const LAPSE = { type: "lapse" } as const;
const MOVED = { ...SPEC, endpoints: [{ name: "node", address: "10.0.0.2", port: 9100 }] };

/** What became of it: state and reason, or the outcome alone. */
function outcomeOf(current: Instance | undefined, event: AnyEvent, now = NOW): string {
  const decision = decide(current, event, now, DEFAULT_TIMINGS);
  if (decision.outcome === "refused") return decision.code;
  if (decision.outcome === "changed") return `${decision.instance.state}, ${decision.reason}`;
  return decision.outcome;
}

const from: Record<string, Instance | undefined> = {
  nothing: undefined,
  expected: EXPECTED,
  active: ACTIVE,
  lost: LOST,
  draining: DRAINING,
  lapsed: removedBy("lapsed"),
  drained: removedBy("drained"),
  superseded: removedBy("superseded"),
  "never joined": NEVER,
  "removed by the platform": removedBy("platform"),
};

for (const [what, event, outcomes] of [
  [
    "a heartbeat",
    BEAT,
    [
      "unknown",
      "wrong-key",
      "renewed",
      "active, returned",
      "active, returned",
      "active, returned",
      "active, returned",
      "active, returned",
      "wrong-key",
      "removed",
    ],
  ],
  [
    "a heartbeat with another key",
    { ...BEAT, keyHash: OTHER_KEY },
    ["unknown", ...new Array(9).fill("wrong-key")],
  ],
  [
    "a join",
    JOIN,
    [
      "active, joined",
      "active, joined",
      "renewed",
      "active, returned",
      "active, returned",
      "active, returned",
      "active, returned",
      "active, returned",
      "active, joined",
      "removed",
    ],
  ],
  [
    "a join with another key",
    { ...JOIN, keyHash: OTHER_KEY },
    ["active, joined", "active, joined", ...new Array(6).fill("wrong-key"), "active, joined", "removed"],
  ],
  [
    "a join with another key by a token for this instance",
    { ...JOIN, keyHash: OTHER_KEY, bound: true },
    [
      "active, joined",
      "active, joined",
      "active, updated",
      ...new Array(5).fill("active, returned"),
      "active, joined",
      "removed",
    ],
  ],
  [
    "a join for another project",
    { ...JOIN, spec: { ...SPEC, project: "p-2" }, bound: true },
    ["active, joined", ...new Array(8).fill("other-owner"), "removed"],
  ],
  [
    "its own PUT",
    OWN_PUT,
    ["unknown", "wrong-key", "renewed", ...new Array(5).fill("active, returned"), "wrong-key", "removed"],
  ],
  [
    "its own PUT outside the grant",
    { ...OWN_PUT, endpoints: [{ name: "node", address: "11.0.0.1", port: 9100 }] },
    ["unknown", "wrong-key", ...new Array(6).fill("outside-grant"), "wrong-key", "removed"],
  ],
  [
    "an announcement",
    EXPECT,
    [
      "expected, announced",
      "expected, announced",
      ...new Array(6).fill("unchanged"),
      "expected, announced",
      "removed",
    ],
  ],
  [
    "the platform's PUT",
    { ...PUT, spec: MOVED },
    [
      "expected, announced",
      "expected, updated",
      "active, updated",
      "lost, updated",
      "draining, updated",
      ...new Array(3).fill("removed, updated"),
      "expected, announced",
      "removed",
    ],
  ],
  [
    "the platform's PUT of an instance that it vouches for",
    { ...PUT, spec: { ...SPEC, liveness: "platform" } },
    [
      "active, joined",
      "active, returned",
      "active, updated",
      ...new Array(6).fill("active, returned"),
      "removed",
    ],
  ],
  [
    "a goodbye",
    DRAIN,
    [
      "unknown",
      "wrong-key",
      "draining, draining",
      "draining, draining",
      ...new Array(4).fill("unchanged"),
      "wrong-key",
      "unchanged",
    ],
  ],
  [
    "the platform's removal",
    REMOVE,
    ["unchanged", ...new Array(8).fill("removed, removed-platform"), "unchanged"],
  ],
  [
    "the end of its time",
    LAPSE,
    [
      "unknown",
      "removed, removed-never-joined",
      "lost, lost",
      "removed, removed-lapsed",
      "removed, removed-drained",
      ...new Array(5).fill("purged"),
    ],
  ],
] as [string, AnyEvent, string[]][]) {
  test(`${what} finds each state as it should`, () => {
    const now = event.type === "lapse" ? NOW + 1 : NOW;
    const seen = Object.entries(from).map(([state, current]) => [state, outcomeOf(current, event, now)]);
    expect(seen).toEqual(Object.keys(from).map((state, i) => [state, outcomes[i]]));
  });
}

for (const { name, current, event, now = NOW, deadline } of [
  { name: "a join gives a lease", current: undefined, event: JOIN, deadline: NOW + leaseMs },
  { name: "a heartbeat gives a lease", current: ACTIVE, event: BEAT, deadline: NOW + leaseMs },
  {
    name: "a lost instance is held",
    current: ACTIVE,
    event: LAPSE,
    now: NOW + 1,
    deadline: NOW + 1 + lostHoldMs,
  },
  { name: "a goodbye gives a drain", current: ACTIVE, event: DRAIN, deadline: NOW + drainMs },
  { name: "an announcement ends", current: undefined, event: EXPECT, deadline: NOW + expectedMs },
  { name: "a tombstone ends", current: ACTIVE, event: REMOVE, deadline: NOW + keyMs },
  {
    name: "an instance that the platform vouches for never ends",
    current: undefined,
    event: { ...PUT, spec: { ...SPEC, liveness: "platform" } },
    deadline: null,
  },
  {
    name: "one that has to prove itself again gets a lease",
    current: HELD,
    event: PUT,
    deadline: NOW + leaseMs,
  },
] as { name: string; current?: Instance; event: AnyEvent; now?: number; deadline: number | null }[]) {
  test(name, () => {
    const decision = decide(current, event, now, DEFAULT_TIMINGS);
    expect("instance" in decision && decision.instance?.deadline).toBe(deadline);
  });
}

test("nothing lapses a millisecond early, and what the platform vouches for never", () => {
  expect(outcomeOf(ACTIVE, LAPSE, NOW)).toBe("not-due");
  expect(outcomeOf(HELD, LAPSE, Number.MAX_SAFE_INTEGER)).toBe("not-due");
});

test("a reboot renews, and says so", () => {
  const decision = decide(ACTIVE, { ...BEAT, bootId: "boot-2" }, NOW, DEFAULT_TIMINGS);
  expect(decision).toMatchObject({
    outcome: "renewed",
    rebooted: true,
    instance: { bootId: "boot-2", rev: 7 },
  });
});

test("a key that was silent for too long is no longer good", () => {
  const lapsed = { ...removedBy("lapsed"), stateSince: NOW };
  expect(outcomeOf(lapsed, BEAT, NOW + keyMs - 1)).toBe("active, returned");
  expect(outcomeOf(lapsed, BEAT, NOW + keyMs)).toBe("key-expired");
});

test("what is still served returns by its key, however long a held sweep has kept it", () => {
  const seenAt = NOW - 2 * keyMs;
  for (const silent of [ACTIVE, LOST, DRAINING]) {
    expect(outcomeOf({ ...silent, seenAt }, BEAT, NOW)).toMatch(/^active, |^renewed/);
  }
});

test("a token that names no labels takes none away from what the platform has stated; one that does replaces them", () => {
  const stated = { ...EXPECTED, labels: { zone: "eu" } };
  const labelsAfter = (event: AnyEvent) => {
    const decision = decide(stated, event, NOW, DEFAULT_TIMINGS);
    return decision.outcome === "changed" ? decision.instance.labels : undefined;
  };
  expect(labelsAfter({ ...EXPECT, spec: { ...SPEC, labels: {} } })).toEqual({ zone: "eu" });
  expect(labelsAfter({ ...EXPECT, spec: { ...SPEC, labels: { tier: "token" } } })).toEqual({ tier: "token" });
  expect(labelsAfter({ ...PUT, spec: { ...SPEC, labels: {} } })).toEqual({});
});

test("a join keeps the platform's labels, and takes the token's where there was no announcement", () => {
  const event = { ...JOIN, spec: { ...SPEC, labels: { tier: "token" } } };
  const joined = decide({ ...EXPECTED, labels: { tier: "platform" } }, event, NOW, DEFAULT_TIMINGS);
  expect(joined).toMatchObject({ instance: { labels: { tier: "platform" } } });
  expect(decide(undefined, event, NOW, DEFAULT_TIMINGS)).toMatchObject({
    instance: { labels: { tier: "token" } },
  });
});

for (const { name, event, owner, outcome } of [
  { name: "the platform takes a live address", event: PUT, owner: ACTIVE, outcome: "granted" },
  {
    name: "whoever speaks for one project takes its addresses",
    event: { ...PUT, ownProjectOnly: true },
    owner: ACTIVE,
    outcome: "granted",
  },
  {
    name: "whoever speaks for one project takes no address of another, lost or not",
    event: { ...PUT, ownProjectOnly: true },
    owner: { ...LOST, project: "p-2" },
    outcome: "taken",
  },
  {
    name: "a verified join takes a live address",
    event: { ...JOIN, verified: true },
    owner: ACTIVE,
    outcome: "granted",
  },
  { name: "a join does not take a live address", event: JOIN, owner: ACTIVE, outcome: "taken" },
  { name: "a join takes a lost one's address", event: JOIN, owner: LOST, outcome: "granted" },
  { name: "a join takes a draining one's address", event: JOIN, owner: DRAINING, outcome: "granted" },
  { name: "its own PUT takes a lost one's address", event: OWN_PUT, owner: LOST, outcome: "granted" },
  { name: "its own PUT does not take a live address", event: OWN_PUT, owner: ACTIVE, outcome: "taken" },
  { name: "a heartbeat does not take a lost one's address", event: BEAT, owner: LOST, outcome: "taken" },
] as { name: string; event: AnyEvent; owner: Instance; outcome: string }[]) {
  test(name, () => {
    const [key] = claimsOf(owner);
    const settled = settleClaims([key!], new Map([[key!, { ...owner, id: "i-2" }]]), event);
    expect(settled).toEqual(
      outcome === "taken"
        ? { outcome, key: "default 10.0.0.1:9100", owner: "i-2" }
        : { outcome, superseded: ["i-2"] },
    );
  });
}

test("only what is served holds its addresses", () => {
  const held = Object.values(from).map((instance) => instance && claimsOf(instance).length);
  expect(held).toEqual([undefined, 0, 1, 1, 1, 0, 0, 0, 0, 0]);
});
