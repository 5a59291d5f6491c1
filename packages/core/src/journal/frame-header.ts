import type { ConsentGrant, FrameHeader, FrameKind, FrameOrigin } from "./frame.ts";

/**
 * Version of the frame format. A frame with `#~` lines is of version 2, since a reader that takes them for
 * comments would lose samples; every other one is of version 1, which every program reads.
 */
export type FrameVersion = 1 | 2;

/** How the header line begins, at the start of a line. */
export const WRITTEN_MARK = "# Written: ";

const KINDS: readonly FrameKind[] = ["start", "full", "changes"];
const ORIGINS: readonly FrameOrigin[] = ["app", "scrape"];
const GRANTS: readonly ConsentGrant[] = ["config", "flag", "enabled", "user"];

const SESSION = /^[0-9a-f]{8}$/;
const COUNT = /^(?:0|[1-9]\d{0,14})$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const VERSION = /^# Written: \S+ v=(\d{1,9})(?: |$)/;

/** A header line, read: understood, of a version or with a field that is not known here, or not a header. */
export type ParsedHeader =
  | { readonly ok: true; readonly version: FrameVersion; readonly header: FrameHeader }
  | { readonly ok: false; readonly unsupported: string }
  | { readonly ok: false; readonly unsupported?: undefined };

/**
 * The first line of a frame, without its line feed.
 *
 * @throws {RangeError} A field has no place in the format; the message names it.
 */
export function formatHeader(header: FrameHeader, version: FrameVersion = 1): string {
  const { writtenMs, session, seq, kind, origin, consent, base, exit } = header;
  const written = Number.isFinite(writtenMs) ? new Date(writtenMs).toISOString() : "";
  demand(INSTANT.test(written), "writtenMs", writtenMs);
  demand(SESSION.test(session), "session", session);
  demand(COUNT.test(String(seq)), "seq", seq);
  demand(KINDS.includes(kind), "kind", kind);
  demand(ORIGINS.includes(origin), "origin", origin);
  demand(GRANTS.includes(consent), "consent", consent);
  demand((base !== undefined) === (kind === "changes") && !((base ?? -1) >= seq), "base", base);
  let line = `${WRITTEN_MARK}${written} v=${version} session=${session} seq=${seq}`;
  line += ` kind=${kind} origin=${origin} consent=${consent}`;
  if (base !== undefined) {
    demand(COUNT.test(String(base)), "base", base);
    line += ` base=${base}`;
  }
  return exit ? `${line} exit=1` : line;
}

/** Reads one header line, without its line feed. */
export function parseHeader(line: string): ParsedHeader {
  const digits = VERSION.exec(line)?.[1];
  if (digits === undefined) return { ok: false };
  const version = digits === "1" ? 1 : digits === "2" ? 2 : undefined;
  if (version === undefined) return { ok: false, unsupported: `v=${digits}` };
  const [written = "", , ...fields] = line.slice(WRITTEN_MARK.length).split(" ");
  const session = take(fields, "session");
  const seq = take(fields, "seq");
  const kind = take(fields, "kind");
  const origin = take(fields, "origin");
  const consent = take(fields, "consent");
  const base = take(fields, "base");
  const exit = take(fields, "exit");
  const writtenMs = INSTANT.test(written) ? Date.parse(written) : Number.NaN;
  if (Number.isNaN(writtenMs) || !SESSION.test(session ?? "") || !COUNT.test(seq ?? "")) return { ok: false };
  if (!isOneOf(KINDS, kind)) return unknown("kind", kind);
  if (!isOneOf(ORIGINS, origin)) return unknown("origin", origin);
  if (!isOneOf(GRANTS, consent)) return unknown("consent", consent);
  const isBase = base === undefined ? kind !== "changes" : COUNT.test(base) && Number(base) < Number(seq);
  if (!isBase) return { ok: false };
  if (exit !== undefined && exit !== "1") return unknown("exit", exit);
  if (fields[0] !== undefined) return { ok: false, unsupported: bounded(fields[0]) };
  return {
    ok: true,
    version,
    header: {
      writtenMs,
      session: session!,
      seq: Number(seq),
      kind,
      origin,
      consent,
      ...(base === undefined ? {} : { base: Number(base) }),
      exit: exit !== undefined,
    },
  };
}

/** The fields have one order, so the next one is either this field or this field is absent. */
function take(fields: string[], name: string): string | undefined {
  const next = fields[0];
  if (!next?.startsWith(`${name}=`)) return undefined;
  fields.shift();
  return next.slice(name.length + 1);
}

function unknown(field: string, value: string | undefined): ParsedHeader {
  if (value === undefined) return { ok: false };
  return { ok: false, unsupported: bounded(`${field}=${value}`) };
}

function bounded(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}

function isOneOf<T extends string>(known: readonly T[], value: string | undefined): value is T {
  return (known as readonly (string | undefined)[]).includes(value);
}

function demand(condition: boolean, field: string, value: unknown): asserts condition {
  if (!condition) throw new RangeError(`frame header: ${field} cannot be ${bounded(String(value))}`);
}
