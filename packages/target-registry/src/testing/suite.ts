/** What the parts of the suite share: a database for each test, a clock to turn, and instances to register. */
import type { TestContext } from "vitest";
import { grantOf } from "../model/endpoints.ts";
import type { EpochMs, InstanceSpec } from "../model/instance.ts";
import type { HeartbeatEvent, InstanceEvent } from "../states/events.ts";
import type { Applied, Joined, JoinRequest, StoreOptions, TargetStore } from "../store/target-store.ts";
import { hashSecret, type JoinToken, mintJoinToken } from "../tokens/join-token.ts";

/** One database, made for one test. */
export interface SuiteDatabase {
  /** Opens the store on it, with these options and no others. */
  open(options: SuiteStoreOptions): Promise<TargetStore>;
  /** Called at the end, when every store on it has been closed. Default: nothing to do. */
  drop?(): Promise<void>;
}

export interface SuiteStoreOptions extends StoreOptions {
  /** The store's clock, in place of the engine's own. */
  readonly now: () => EpochMs;
}

/** What the suite needs to know about an engine. */
export interface TargetStoreSetup {
  /** A new, empty database. */
  create(): Promise<SuiteDatabase>;
  /**
   * Stores that may be open on one database: `one`, gone when closed; `in-turn`, the data outlives them; `many` at once,
   * as replicas have them.
   */
  readonly handles: "one" | "in-turn" | "many";
  /** Instances in the test of a full store. Default 2,000. */
  readonly rows?: number;
}

export interface OpenedStore {
  readonly store: TargetStore;
  readonly clock: { at: EpochMs };
  /** Another store on the same database, with the same clock. */
  again(): Promise<TargetStore>;
}

export type OpenStore = (context: TestContext, options?: StoreOptions) => Promise<OpenedStore>;

export const CAUSE = { actor: "suite", request: "r-1" } as const;
export const START_MS: EpochMs = 1_790_000_000_000;

export function opener(setup: TargetStoreSetup): OpenStore {
  return async (context, options = {}) => {
    const database = await setup.create();
    const stores: TargetStore[] = [];
    context.onTestFinished(async () => {
      for (const store of stores) await store.close();
      await database.drop?.();
    });
    const clock = { at: START_MS };
    const again = async (): Promise<TargetStore> => {
      const store = await database.open({ ...options, now: () => clock.at });
      stores.push(store);
      return store;
    };
    return { store: await again(), clock, again };
  };
}

export function specOf(id: string, changes: Partial<InstanceSpec> = {}): InstanceSpec {
  return {
    id,
    project: "p-1",
    service: "s-1",
    scope: "default",
    liveness: "heartbeat",
    endpoints: [{ name: "node", address: "10.0.0.1", port: 9100 }],
    labels: {},
    ...changes,
  };
}

export function nodeAt(address: string): InstanceSpec["endpoints"] {
  return [{ name: "node", address, port: 9100 }];
}

function putEvent(spec: InstanceSpec): InstanceEvent {
  return { type: "platform-put", spec, grant: grantOf(spec.endpoints) };
}

/** An instance that lives by the platform's word: the shortest way to a served one. */
export function heldSpec(id: string, address: string, changes: Partial<InstanceSpec> = {}): InstanceSpec {
  return specOf(id, { liveness: "platform", endpoints: nodeAt(address), ...changes });
}

export function put(store: TargetStore, spec: InstanceSpec, ifRev?: number): Promise<Applied> {
  return store.apply(spec.id, putEvent(spec), CAUSE, ifRev === undefined ? {} : { ifRev });
}

export const keyOf = (name: string): string => hashSecret(`key of ${name}`);

export function beat(id: string, changes: Partial<HeartbeatEvent> = {}): HeartbeatEvent & { id: string } {
  return { type: "heartbeat", id, keyHash: keyOf(id), bootId: "boot-1", ...changes };
}

/** A token for p-1/s-1 in 10.0.0.0/8, stored. */
export async function storeToken(
  store: TargetStore,
  changes: Partial<JoinToken> = {},
): Promise<{ token: JoinToken; secretHash: string }> {
  const grant = { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] };
  const binding = { project: "p-1", service: "s-1", scope: "default", instanceId: null, grant, labels: {} };
  const minted = mintJoinToken(binding, { now: await store.now(), ttlMs: 1_800_000 });
  const token = { ...minted.token, ...changes };
  await store.addToken(token, CAUSE);
  return { token, secretHash: token.secretHash };
}

export function joinRequest(token: JoinToken, id: string, changes: Partial<JoinRequest> = {}): JoinRequest {
  return {
    tokenId: token.id,
    secretHash: token.secretHash,
    instanceId: id,
    bootId: "boot-1",
    keyHash: keyOf(id),
    endpoints: nodeAt("10.0.0.1"),
    verified: false,
    ...changes,
  };
}

/** Lets an instance in by a token of its own. */
export async function join(
  store: TargetStore,
  id: string,
  changes: Partial<JoinRequest> = {},
  token: Partial<JoinToken> = {},
): Promise<Joined> {
  const stored = await storeToken(store, token);
  return store.join(joinRequest(stored.token, id, changes), CAUSE);
}

/** How many of these codes there are; `ok` for what went well. */
export function countCodes(answers: readonly (Applied | Joined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const code = answer.ok ? "ok" : answer.code;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

/** Calls `run` for 0, 1, … at once. */
export function atOnce<T>(count: number, run: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => run(i)));
}
