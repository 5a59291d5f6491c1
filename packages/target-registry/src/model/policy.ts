/** What may be registered at all: allow-lists with their limits. What is not named here is refused. */
import { type IpAddress, type IpRange, parseIpRange, rangeHolds } from "./ip-address.ts";

/** A kind of endpoint: all that a registrant may not choose. */
export interface EndpointKind {
  /** `[a-z][a-z0-9-]{0,31}`; also the name of its list. */
  readonly name: string;
  readonly scheme: "http" | "https";
  /** Path of the metrics, without query. */
  readonly path: string;
  /** Port where none is named. */
  readonly defaultPort: number;
  /** Ports that may be registered, as spans with both ends included. */
  readonly ports: readonly PortSpan[];
  /** How often it is scraped, in milliseconds; whole seconds. */
  readonly intervalMs: number;
}

export type PortSpan = readonly [from: number, to: number];

export interface Policy {
  readonly endpoints: readonly EndpointKind[];
  /** Addresses outside these are refused, whatever a token says. Default: private networks. */
  readonly ranges: readonly string[];
  /** Further addresses that are never scraped: Prometheus' own, the service's. Ranges in CIDR. Default: none. */
  readonly refuse: readonly string[];
  /** Lets 127.0.0.0/8 be registered, for demos and tests on one machine. Default false. */
  readonly loopback: boolean;
  /** Instances of one project that are not removed. Default 10,000. */
  readonly instancesPerProject: number;
}

/** Limits of a document; an allow-list of forms. */
export const LIMITS = {
  /** Characters of an id: `[A-Za-z0-9][A-Za-z0-9._-]*`. */
  id: 128,
  endpoints: 8,
  ranges: 16,
  grantedPorts: 32,
  labels: 16,
  /** Characters of a label's name: `[a-z][a-z0-9_]*`. */
  labelName: 63,
  /** Bytes of a label's value in UTF-8; printable, no space at either end. */
  labelValue: 128,
} as const;

const PLAIN = { scheme: "http", path: "/metrics" } as const;

/** node (9100), cadvisor (8080) and app (any port from 1024), on private addresses. */
export const DEFAULT_POLICY: Policy = {
  endpoints: [
    { ...PLAIN, name: "node", defaultPort: 9100, ports: [[9100, 9100]], intervalMs: 30_000 },
    { ...PLAIN, name: "cadvisor", defaultPort: 8080, ports: [[8080, 8080]], intervalMs: 30_000 },
    { ...PLAIN, name: "app", defaultPort: 8080, ports: [[1024, 65_535]], intervalMs: 15_000 },
  ],
  ranges: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"],
  refuse: [],
  loopback: false,
  instancesPerProject: 10_000,
};

/**
 * Names of labels that the job sets itself, that Prometheus gives a meaning, or that the rules and the metrics of a service
 * read from a page: a target's label of that name would take the place of the page's own.
 */
export const RESERVED_LABELS: readonly string[] = [
  "code",
  "cpu",
  "device",
  "endpoint",
  "exported_instance_id",
  "handler",
  "instance",
  "instance_id",
  "interface",
  "job",
  "le",
  "mode",
  "name",
  "project_id",
  "quantile",
  "service_id",
  "status",
  "status_code",
];

/** Refused even inside an allowed range: what is no host of the tenant, and what carries another address inside. */
const NEVER = [
  { range: "0.0.0.0/8", what: "unspecified" },
  { range: "127.0.0.0/8", what: "loopback" },
  { range: "169.254.0.0/16", what: "link-local" },
  { range: "100.100.100.200/32", what: "a metadata service" },
  { range: "192.0.0.0/24", what: "a protocol's own" },
  { range: "224.0.0.0/4", what: "multicast" },
  { range: "240.0.0.0/4", what: "reserved or broadcast" },
  { range: "::/96", what: "unspecified, loopback or an IPv4 address in disguise" },
  { range: "::ffff:0.0.0.0/96", what: "an IPv4 address in disguise" },
  { range: "64:ff9b::/96", what: "an IPv4 address in disguise" },
  { range: "64:ff9b:1::/48", what: "an IPv4 address in disguise" },
  { range: "2001::/32", what: "an IPv4 address in disguise" },
  { range: "2002::/16", what: "an IPv4 address in disguise" },
  { range: "fe80::/10", what: "link-local" },
  { range: "fec0::/10", what: "site-local" },
  { range: "ff00::/8", what: "multicast" },
  { range: "fd00:ec2::254/128", what: "a metadata service" },
  { range: "fd20:ce::254/128", what: "a metadata service" },
] as const;

/** Decides on addresses; made once for a policy. */
export interface AddressPolicy {
  /** Why the address is refused; undefined when it may be scraped. */
  refusal(address: IpAddress): string | undefined;
  /** Why the range may not be granted; undefined when it lies inside one allowed range. */
  rangeRefusal(range: IpRange): string | undefined;
}

/** @throws {RangeError} When the policy itself holds something that is no range. */
export function createAddressPolicy(policy: Policy = DEFAULT_POLICY): AddressPolicy {
  const loopback = policy.loopback ? ["127.0.0.0/8"] : [];
  const allowed = [...policy.ranges, ...loopback].map(rangeOfPolicy);
  const never = [
    ...NEVER.filter(({ what }) => !(policy.loopback && what === "loopback")),
    ...policy.refuse.map((range) => ({ range, what: "refused by this service" })),
  ].map(({ range, what }) => ({ range: rangeOfPolicy(range), what }));
  const inside = (inner: IpAddress | IpRange): boolean => allowed.some((range) => rangeHolds(range, inner));
  return {
    refusal(address) {
      const hit = never.find(({ range }) => rangeHolds(range, address));
      if (hit !== undefined) return `an address that is not ${hit.what}`;
      return inside(address) ? undefined : `an address in ${listed(policy.ranges)}`;
    },
    rangeRefusal(range) {
      const hit = never.find((entry) => rangeHolds(entry.range, range));
      if (hit !== undefined) return `a range that is not ${hit.what}`;
      return inside(range) ? undefined : `a range inside ${listed(policy.ranges)}`;
    },
  };
}

function rangeOfPolicy(text: string): IpRange {
  const range = parseIpRange(text);
  if (range === undefined)
    throw new RangeError(`policy: expected a CIDR range, found ${JSON.stringify(text)}`);
  return range;
}

function listed(ranges: readonly string[]): string {
  return ranges.length > 5 ? `${ranges.slice(0, 5).join(", ")}, …` : ranges.join(", ");
}
