import type { TokenBinding } from "../tokens/join-token.ts";
import { type DocumentReader, openDocument } from "./document.ts";
import { isPortOf, portsOf, readKind } from "./endpoints.ts";
import type { EndpointGrant } from "./instance.ts";
import { parseIpRange } from "./ip-address.ts";
import { readLabels } from "./labels.ts";
import { type AddressPolicy, createAddressPolicy, DEFAULT_POLICY, LIMITS, type Policy } from "./policy.ts";
import type { Checked } from "./problem.ts";

/** What a platform asks of a new join token. */
export interface TokenRequest {
  readonly binding: TokenBinding;
  /** Whole seconds. */
  readonly ttlMs: number;
}

const TTL_LIMIT_SECONDS = 1_800;

/**
 * Checks a request for a join token.
 *
 * Fields: `project`, `service`, `ranges` (CIDR), `endpoints` (a kind's name, or `name` with `ports`; without `ports` the
 * kind's own), and where wanted `scope`, `instance_id`, `labels`, `ttl` (seconds, 1 to 1,800; default 1,800). Gives all
 * problems at once, at most 50; never throws.
 */
export function validateTokenRequest(
  input: unknown,
  policy: Policy = DEFAULT_POLICY,
  addresses: AddressPolicy = createAddressPolicy(policy),
): Checked<TokenRequest> {
  const { reader, problems } = openDocument(input, [
    "project",
    "service",
    "scope",
    "instance_id",
    "ranges",
    "endpoints",
    "labels",
    "ttl",
  ]);
  const ttl = reader.field("ttl") ?? TTL_LIMIT_SECONDS;
  if (typeof ttl !== "number" || !Number.isInteger(ttl) || ttl < 1 || ttl > TTL_LIMIT_SECONDS) {
    reader.problem("ttl", `a whole number of seconds from 1 to ${TTL_LIMIT_SECONDS}`);
  }
  const instanceId = reader.field("instance_id") ?? null;
  const value: TokenRequest = {
    binding: {
      project: reader.id("project"),
      service: reader.id("service"),
      scope: reader.id("scope", "default"),
      instanceId: instanceId === null ? null : reader.id("instance_id"),
      grant: { ranges: readRanges(reader, addresses), endpoints: readGrants(reader, policy) },
      labels: readLabels(reader),
    },
    ttlMs: typeof ttl === "number" ? ttl * 1_000 : 0,
  };
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}

function readRanges(reader: DocumentReader, addresses: AddressPolicy): readonly string[] {
  const ranges = new Set<string>();
  for (const [i, text] of reader.array("ranges", 1, LIMITS.ranges).entries()) {
    const range = typeof text === "string" ? parseIpRange(text) : undefined;
    const expected =
      range === undefined ? "a CIDR range without bits below its prefix" : addresses.rangeRefusal(range);
    if (expected !== undefined) reader.problemAt(["ranges", i], expected, text);
    if (range !== undefined) ranges.add(range.text);
  }
  return [...ranges].sort();
}

function readGrants(reader: DocumentReader, policy: Policy): readonly EndpointGrant[] {
  const grants = new Map<string, readonly number[]>();
  for (const [i, value] of reader.array("endpoints", 1, LIMITS.endpoints).entries()) {
    const entry = reader.object(["endpoints", i], typeof value === "string" ? { name: value } : value, [
      "name",
      "ports",
    ]);
    const kind = readKind(entry, policy);
    if (kind === undefined) continue;
    if (grants.has(kind.name)) entry.problem("name", "each name once");
    const wanted =
      entry.field("ports") === undefined ? [kind.defaultPort] : entry.array("ports", 1, LIMITS.grantedPorts);
    const ports = wanted.filter((port): port is number => isPortOf(kind, port));
    if (ports.length < wanted.length) entry.problem("ports", portsOf(kind));
    grants.set(
      kind.name,
      [...new Set(ports)].sort((a, b) => a - b),
    );
  }
  return [...grants].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, ports]) => ({ name, ports }));
}
