/** Literal IP addresses and CIDR ranges, without names, zones or other spellings. */

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
  /** Canonical: dotted quad, or RFC 5952. Equal addresses have equal text. */
  readonly text: string;
}

export interface IpRange {
  readonly family: 4 | 6;
  readonly base: bigint;
  /** Length of the prefix. */
  readonly bits: number;
  /** Canonical, `10.0.0.0/8`. */
  readonly text: string;
}

/**
 * Reads a literal address. Undefined for everything else: names, zones, ports, octal or short IPv4.
 *
 * An IPv6 address may be written in any way of RFC 4291, section 2.2.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { family: 4, value: v4, text };
  const v6 = parseV6(text);
  return v6 === undefined ? undefined : { family: 6, value: v6, text: formatV6(v6) };
}

/** Reads `address/bits`; undefined when it is no range or has bits set below its prefix. A bare address is its own range. */
export function parseIpRange(text: string): IpRange | undefined {
  const [head = "", tail, ...rest] = text.split("/");
  const address = parseIpAddress(head);
  if (address === undefined || rest.length > 0) return undefined;
  const width = address.family === 4 ? 32 : 128;
  if (tail !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(tail)) return undefined;
  const bits = tail === undefined ? width : Number(tail);
  if (bits > width) return undefined;
  const host = BigInt(width - bits);
  if ((address.value >> host) << host !== address.value) return undefined;
  return { family: address.family, base: address.value, bits, text: `${address.text}/${bits}` };
}

/** Whether `range` holds the address, or the whole of another range. */
export function rangeHolds(range: IpRange, inner: IpAddress | IpRange): boolean {
  if (range.family !== inner.family) return false;
  if ("bits" in inner && inner.bits < range.bits) return false;
  const host = BigInt((range.family === 4 ? 32 : 128) - range.bits);
  return ("bits" in inner ? inner.base : inner.value) >> host === range.base >> host;
}

/** Whether two ranges have an address in common. */
export function rangesMeet(a: IpRange, b: IpRange): boolean {
  return rangeHolds(a, b) || rangeHolds(b, a);
}

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const V4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

function parseV4(text: string): bigint | undefined {
  if (!V4.test(text)) return undefined;
  return text.split(".").reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

function parseV6(text: string): bigint | undefined {
  if (text.length > 45 || !/^[0-9A-Fa-f:.]+$/.test(text)) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half, i) => hextets(half, i === halves.length - 1));
  if (left === undefined) return undefined;
  if (halves.length === 1) return left.length === 8 ? joinHextets(left) : undefined;
  if (right === undefined || left.length + right.length > 7) return undefined;
  const zeros = new Array<bigint>(8 - left.length - right.length).fill(0n);
  return joinHextets([...left, ...zeros, ...right]);
}

/** The groups of one side of `::`; only the very last may be a dotted quad. */
function hextets(text: string, last: boolean): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const v4 = last && i === parts.length - 1 ? parseV4(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function joinHextets(groups: readonly bigint[]): bigint {
  return groups.reduce((sum, group) => (sum << 16n) | group, 0n);
}

/** RFC 5952, section 4: lower case, no leading zeros, the first longest run of two or more zeros shortened. */
function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => (value >> BigInt(112 - 16 * i)) & 0xffffn);
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0n) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = Math.max(i, end - 1);
  }
  const hex = (part: readonly bigint[]): string => part.map((group) => group.toString(16)).join(":");
  if (start === -1) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}
