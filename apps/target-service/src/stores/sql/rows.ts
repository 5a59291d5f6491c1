/**
 * Rows and what they stand for.
 *
 * What statements ask for has a column of its own; the rest of an instance or a token lies in `doc`, as JSON. What a
 * heartbeat moves lies in `leases`, apart from what lists show.
 */
import type { Instance, JoinToken } from "@promferry/target-registry";
import type { HistoryEntry, MetricRow, StoreRecord } from "@promferry/target-registry/store";
import type { Row, SqlValue } from "./engine.ts";

export const INSTANCE: string =
  "i.id, i.project, i.service, i.scope, i.state, i.removed_by, i.state_since, i.rev, i.doc, " +
  "l.key_hash, l.boot_id, l.deadline, l.seen_at";
export const INSTANCES: string = "instances i join leases l on l.id = i.id";

export const INSTANCE_COLUMNS = [
  "id",
  "project",
  "service",
  "scope",
  "state",
  "removed_by",
  "state_since",
  "lists",
  "rev",
  "doc",
] as const;
export const LEASE_COLUMNS = ["id", "renewable", "key_hash", "boot_id", "deadline", "seen_at"] as const;
export const TOKEN_COLUMNS = ["id", "instance_id", "is_open", "expires_at", "doc"] as const;
export const HISTORY_COLUMNS = ["seq", "at", "instance_id", "what", "actor", "request", "rev"] as const;
export const METRIC_COLUMNS = [
  "id",
  "resource_type",
  "resource_id",
  "name",
  "value",
  "at",
  "labels",
] as const;
export const IDEMPOTENCY_COLUMNS = ["actor", "key", "body_hash", "at", "status", "body"] as const;

export function instanceValues(instance: Instance): SqlValue[] {
  const { id, project, service, scope, state, removedBy, stateSince, rev } = instance;
  const { liveness, endpoints, labels, grant, createdAt } = instance;
  const doc = JSON.stringify({ liveness, endpoints, labels, grant, createdAt });
  return [id, project, service, scope, state, removedBy, stateSince, listsText(instance), rev, doc];
}

export function leaseValues(instance: Instance): SqlValue[] {
  const { id, state, liveness, keyHash, bootId, deadline, seenAt } = instance;
  return [id, state === "active" && liveness === "heartbeat", keyHash, bootId, deadline, seenAt];
}

export function instanceOf(row: Row): Instance {
  return {
    ...JSON.parse(String(row["doc"])),
    id: row["id"],
    project: row["project"],
    service: row["service"],
    scope: row["scope"],
    state: row["state"],
    removedBy: row["removed_by"],
    stateSince: row["state_since"],
    deadline: row["deadline"],
    bootId: row["boot_id"],
    keyHash: row["key_hash"],
    seenAt: row["seen_at"],
    rev: row["rev"],
  } as Instance;
}

/** The lists that an instance stands in, as one text in which `listMark` finds a name: `|app|node|`. */
function listsText({ endpoints }: Instance): string {
  const names = [...new Set(endpoints.map(({ name }) => name))];
  return `|${names.map((name) => `${encodeURIComponent(name)}|`).join("")}`;
}

export function listMark(name: string): string {
  return `|${encodeURIComponent(name)}|`;
}

export function listsOf(text: unknown): string[] {
  return String(text).split("|").filter(Boolean).map(decodeURIComponent);
}

export function isOpen({ usedAt, revokedAt }: JoinToken): boolean {
  return usedAt === null && revokedAt === null;
}

export function tokenValues(token: JoinToken): SqlValue[] {
  return [token.id, token.instanceId, isOpen(token), token.expiresAt, JSON.stringify(token)];
}

export function tokenOf(row: Row): JoinToken {
  return JSON.parse(String(row["doc"])) as JoinToken;
}

export function historyValues({ seq, at, instanceId, what, actor, request, rev }: HistoryEntry): SqlValue[] {
  return [seq, at, instanceId, what, actor, request, rev];
}

export function historyOf(row: Row): HistoryEntry {
  const { instance_id: instanceId, seq, at, what, actor, request, rev } = row;
  return { seq, at, instanceId, what, actor, request, rev } as HistoryEntry;
}

export function metricValues({
  id,
  resourceType,
  resourceId,
  name,
  value,
  at,
  labels,
}: MetricRow): SqlValue[] {
  return [id, resourceType, resourceId, name, value, at, JSON.stringify(labels)];
}

export function metricOf(row: Row): MetricRow {
  const { resource_type: resourceType, resource_id: resourceId, id, name, value, at, labels } = row;
  return { id, resourceType, resourceId, name, value, at, labels: JSON.parse(String(labels)) } as MetricRow;
}

type IdempotencyRecord = Extract<StoreRecord, { kind: "idempotency" }>;

export function idempotencyValues({ key, bodyHash, at, answer }: IdempotencyRecord): SqlValue[] {
  return [key.actor, key.key, bodyHash, at, answer?.status ?? null, answer?.body ?? null];
}

export function idempotencyOf(row: Row): IdempotencyRecord {
  const { actor, key, body_hash: bodyHash, at, status, body } = row;
  const answer = status === null ? null : { status, body };
  return { kind: "idempotency", key: { actor, key }, bodyHash, at, answer } as IdempotencyRecord;
}
