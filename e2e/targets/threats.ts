/** The rows of targets.md 4, and where each is played. */
export interface Threat {
  readonly row: number;
  readonly threat: string;
  /** A file of this folder with a test that plays it, and what is played; or why it can't be played here. */
  readonly shown: readonly string[];
}

export const HERE = "target-attacks.e2e.ts";

export const THREATS: readonly Threat[] = [
  { row: 1, threat: "stolen join token", shown: [HERE, "cloud-init-agent.e2e.ts: a thief's key"] },
  { row: 2, threat: "a lost answer burns the token", shown: [HERE] },
  { row: 3, threat: "SSRF: registering any address", shown: [HERE] },
  {
    row: 4,
    threat: "SSRF by redirect, taken-over exporter",
    shown: [HERE, "targets-discovery.e2e.ts: what a hostile exporter may store"],
  },
  {
    row: 5,
    threat: "label takeover, colliding series",
    shown: [HERE, "targets-discovery.e2e.ts: a hostile list", "targets-vmagent.e2e.ts: the same for vmagent"],
  },
  { row: 6, threat: "cardinality, quota", shown: [HERE] },
  { row: 7, threat: "address used again", shown: [HERE] },
  {
    row: 8,
    threat: "a stale list mixes two instances",
    shown: [HERE, "targets-rules.e2e.ts: FerryIdentityMismatch fires, and is silent on a match"],
  },
  { row: 9, threat: "mass expiry", shown: [HERE] },
  {
    row: 10,
    threat: "clock skew",
    shown: [HERE, "not played: TLS with a wrong clock on the instance; the unit starts after time sync"],
  },
  {
    row: 11,
    threat: "everybody at once after a restart",
    shown: [HERE, "cloud-init-agent.e2e.ts: growing, jittered pauses", "bench: a thousand join at once"],
  },
  { row: 12, threat: "replay", shown: [HERE] },
  { row: 13, threat: "a tenant reads others'", shown: [HERE] },
  {
    row: 14,
    threat: "secrets in logs and on command lines",
    shown: [HERE, "cloud-init-agent.e2e.ts: no secret is ever on a command line"],
  },
  {
    row: 15,
    threat: "exporter open to the network",
    shown: [
      "cloud-init.e2e.ts: the packaged exporter listens on one address",
      "not played: a cloud's security groups",
    ],
  },
  {
    row: 16,
    threat: "supply chain",
    shown: [HERE, "cloud-init-agent.e2e.ts: a program only with its digest"],
  },
];
