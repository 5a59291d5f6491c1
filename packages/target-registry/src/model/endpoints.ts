/** Reading and ordering endpoints. */
import type { DocumentReader } from "./document.ts";
import { type Endpoint, type Grant, targetOf } from "./instance.ts";
import { parseIpAddress, parseIpRange, rangeHolds } from "./ip-address.ts";
import { type AddressPolicy, type EndpointKind, LIMITS, type Policy } from "./policy.ts";

/** The document's `endpoints`, in canonical order. */
export function readEndpoints(
  reader: DocumentReader,
  policy: Policy,
  addresses: AddressPolicy,
): readonly Endpoint[] {
  const endpoints: Endpoint[] = [];
  const seen = new Set<string>();
  for (const [i, value] of reader.array("endpoints", 1, LIMITS.endpoints).entries()) {
    const entry = reader.object(["endpoints", i], value, ["name", "address", "port"]);
    const kind = readKind(entry, policy);
    const address = readAddress(entry, addresses);
    if (kind === undefined || address === undefined) continue;
    const port = entry.field("port") ?? kind.defaultPort;
    if (!isPortOf(kind, port)) {
      entry.problem("port", portsOf(kind));
      continue;
    }
    const endpoint = { name: kind.name, address, port };
    if (seen.has(targetOf(endpoint)))
      entry.problem("address", "no other endpoint with this address and port");
    seen.add(targetOf(endpoint));
    endpoints.push(endpoint);
  }
  return endpoints.sort(byEndpoint);
}

/** Canonical order: by name, address, port. */
export function byEndpoint(a: Endpoint, b: Endpoint): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  return a.port - b.port;
}

/** The first endpoint that the grant does not allow; undefined when it allows all. */
export function outsideGrant(endpoints: readonly Endpoint[], grant: Grant): Endpoint | undefined {
  const ranges = grant.ranges.map(parseIpRange);
  return endpoints.find(({ name, address, port }) => {
    const parsed = parseIpAddress(address);
    const inRange = ranges.some((range) => range && parsed && rangeHolds(range, parsed));
    return !inRange || !grant.endpoints.some((entry) => entry.name === name && entry.ports.includes(port));
  });
}

/** The narrowest grant that allows just these: what a platform grants by stating them. */
export function grantOf(endpoints: readonly Endpoint[]): Grant {
  const ranges = new Set(endpoints.map(({ address }) => `${address}/${address.includes(":") ? 128 : 32}`));
  const names = new Set(endpoints.map(({ name }) => name));
  return {
    ranges: [...ranges].sort(),
    endpoints: [...names].sort().map((name) => ({
      name,
      ports: [...new Set(endpoints.filter((entry) => entry.name === name).map(({ port }) => port))].sort(
        (a, b) => a - b,
      ),
    })),
  };
}

export function isPortOf(kind: EndpointKind, value: unknown): value is number {
  return (
    Number.isInteger(value) && kind.ports.some(([from, to]) => from <= Number(value) && Number(value) <= to)
  );
}

/** What `isPortOf` expects, in words. */
export function portsOf(kind: EndpointKind): string {
  return `a port of ${kind.name}: ${kind.ports.map(([from, to]) => (from === to ? from : `${from} to ${to}`)).join(", ")}`;
}

/** The endpoint kind that a document's `name` names; undefined after a problem. */
export function readKind(reader: DocumentReader, policy: Policy): EndpointKind | undefined {
  const name = reader.field("name");
  const kind = policy.endpoints.find((entry) => entry.name === name);
  if (kind === undefined) {
    reader.problem("name", `one of ${policy.endpoints.map((entry) => entry.name).join(", ")}`);
  }
  return kind;
}

function readAddress(reader: DocumentReader, addresses: AddressPolicy): string | undefined {
  const text = reader.field("address");
  const address = typeof text === "string" ? parseIpAddress(text) : undefined;
  if (address === undefined) {
    reader.problem("address", "a literal IP address");
    return undefined;
  }
  const refusal = addresses.refusal(address);
  if (refusal !== undefined) reader.problem("address", refusal);
  return address.text;
}
