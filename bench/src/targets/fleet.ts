/** A fleet as an export has it, made from a seed: what a store is filled with before it is measured. */
import { hashSecret, type JoinToken, mintJoinToken } from "@promferry/target-registry";
import { seeded } from "../seeded.ts";

export const SEED = 20_261_121;
export const BOOT = "5c6f8a3e-7d11-4f0e-9d43-6b1f7a0f2c55";
/** Under the configuration of `startService` these are inside the policy. */
const RANGE = "10.0.0.0/8";
const PROJECTS = 20;
const LEASE_MS = 300_000;
const TTL_MS = 1_800_000;

/** The key of every instance; the store has its SHA-256. */
export const KEY = "k".repeat(43);

/** Ids that a cloud might give, in no order. */
export function instanceIds(count: number): readonly string[] {
  const random = seeded(SEED);
  return Array.from(
    { length: count },
    (_, i) =>
      `i-${Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0")}${i.toString(16).padStart(6, "0")}`,
  );
}

/** Lines of an export that holds these instances, all of them active. */
export function* fleetRecords(ids: readonly string[], now: number): Generator<string> {
  yield headerLine(ids.length);
  const keyHash = hashSecret(KEY);
  const grant = { ranges: [RANGE], endpoints: [{ name: "node", ports: [9100] }] };
  const life = { state: "active", removedBy: null, bootId: BOOT, keyHash, grant, liveness: "heartbeat" };
  const times = { stateSince: now, deadline: now + LEASE_MS, createdAt: now, seenAt: now };
  for (const [i, id] of ids.entries()) {
    const place = { project: `p-${i % PROJECTS}`, service: `svc-${i % (10 * PROJECTS)}`, scope: "default" };
    const endpoints = [{ name: "node", address: addressOf(i), port: 9100 }];
    const instance = { id, ...place, labels: {}, endpoints, ...life, ...times, rev: i + 1 };
    yield line({ kind: "instance", instance });
  }
  yield line({ kind: "end", records: ids.length + 1 });
}

export interface Joiner {
  readonly token: JoinToken;
  /** Body of its `POST /v1/join`. */
  readonly body: string;
}

/** Instances that are about to join, each with a token of its own; `first` keeps the addresses of several groups apart. */
export function joiners(count: number, first: number, now: number): readonly Joiner[] {
  const random = seeded(SEED + first);
  const randomBytes = (size: number): Uint8Array =>
    Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
  const grant = { ranges: [RANGE], endpoints: [{ name: "node", ports: [9100] }] };
  return Array.from({ length: count }, (_, i) => {
    const place = { project: `p-${i % PROJECTS}`, service: "svc-1", scope: "default", instanceId: null };
    const { token, text } = mintJoinToken(
      { ...place, grant, labels: {} },
      { now, ttlMs: TTL_MS, randomBytes },
    );
    return { token, body: joinBody(text, first + i) };
  });
}

export function joinBody(token: string, i: number): string {
  return JSON.stringify({
    ...{ token, instance_id: `i-${i.toString(36).padStart(8, "0")}`, boot_id: BOOT, key: hashSecret(KEY) },
    endpoints: [{ name: "node", address: addressOf(i) }],
  });
}

/** Lines of an export that holds no instance yet. */
export function* tokenRecords(all: readonly Joiner[]): Generator<string> {
  yield headerLine(0);
  for (const { token } of all) yield line({ kind: "token", token });
  yield line({ kind: "end", records: all.length + 1 });
}

function headerLine(rev: number): string {
  const header = { kind: "header", format: 1, rev, purgedRev: 0, historySeq: 0 };
  return line({ ...header, storeId: "bench", authoritative: true, sweep: null, fences: {} });
}

export function addressOf(i: number): string {
  return `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
}

function line(record: object): string {
  return `${JSON.stringify(record)}\n`;
}
