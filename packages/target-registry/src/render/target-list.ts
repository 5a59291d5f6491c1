import { createHash } from "node:crypto";
import { type Instance, isServed, targetOf } from "../model/instance.ts";
import { META } from "./discovery-labels.ts";
import { type Shard, shardOf } from "./shard.ts";

/** Which part of all targets a list shows. */
export interface ListSelection {
  /** Endpoint name. */
  readonly endpoint: string;
  /** Default: all projects. */
  readonly project?: string;
  /** Default: all scopes. Name it where scopes have addresses in common. */
  readonly scope?: string;
  /** Default: everything in one list. */
  readonly shard?: Shard;
}

/** A list for http_sd and file_sd: the same bytes for both, and the same for equal content. */
export interface TargetList {
  /** UTF-8 JSON, to be sent as `application/json`. */
  readonly body: Uint8Array;
  /** Strong entity tag with its quotes: the SHA-256 of the body. */
  readonly etag: string;
  /** Targets in it. */
  readonly count: number;
}

export interface RenderListOptions {
  /** Longest time that the event loop is held, in milliseconds. Default 5. */
  readonly sliceMs?: number;
  /** Lets others run between slices. Default `setImmediate`. */
  readonly pause?: () => Promise<void>;
  /** Milliseconds by a monotonic clock. Default `performance.now`. */
  readonly elapsed?: () => number;
}

/** Instances between two looks at the clock. */
const STRIDE = 256;

/**
 * Renders the served targets of `instances` as Prometheus reads them: one group a target, with `targets` and `labels`
 * and no other field, sorted by instance id.
 *
 * Lost and draining instances stand in it as active ones do. An instance of which nothing matches leaves no trace.
 * Takes whatever it is given for the truth: whether a list may be served at all is for `StoreInfo.authoritative`.
 *
 * @param instances In the order of their ids, bytewise, as `TargetStore.list` gives them.
 * @throws {RangeError} When they are in another order, or one id comes twice.
 */
export async function renderTargetList(
  instances: Iterable<Instance> | AsyncIterable<Instance>,
  selection: ListSelection,
  options: RenderListOptions = {},
): Promise<TargetList> {
  const { sliceMs = 5, pause = letOthersRun, elapsed = () => performance.now() } = options;
  const chunks: Buffer[] = [];
  const hash = createHash("sha256");
  let text = "[";
  let count = 0;
  let seen = 0;
  let previous = "";
  let since = elapsed();
  const flush = (): void => {
    const chunk = Buffer.from(text);
    hash.update(chunk);
    chunks.push(chunk);
    text = "";
  };
  const take = (instance: Instance): void => {
    if (seen++ > 0 && instance.id <= previous) {
      throw new RangeError(`instances: expected ascending ids, found ${instance.id} after ${previous}`);
    }
    previous = instance.id;
    for (const group of groupsOf(instance, selection)) text += count++ === 0 ? group : `,\n${group}`;
  };
  const rest = async (): Promise<void> => {
    await pause();
    since = elapsed();
  };
  /** Whether the slice is used up. */
  const isTired = (): boolean => {
    if (seen % STRIDE !== 0) return false;
    flush();
    return elapsed() - since >= sliceMs;
  };
  if (Symbol.iterator in instances) {
    // Apart from the other case: awaiting each of 100,000 instances would take longer than all the rest.
    for (const instance of instances) {
      take(instance);
      if (isTired()) await rest();
    }
  } else {
    for await (const instance of instances) {
      take(instance);
      if (isTired()) await rest();
    }
  }
  text += "]\n";
  flush();
  await rest();
  return { body: Buffer.concat(chunks), etag: `"${hash.digest("base64url")}"`, count };
}

function groupsOf(instance: Instance, selection: ListSelection): string[] {
  const { endpoint, project, scope, shard } = selection;
  if (!isServed(instance)) return [];
  if (project !== undefined && instance.project !== project) return [];
  if (scope !== undefined && instance.scope !== scope) return [];
  if (shard !== undefined && shardOf(instance.id, shard.count) !== shard.index) return [];
  const groups: string[] = [];
  let labels = "";
  for (const place of instance.endpoints) {
    if (place.name !== endpoint) continue;
    labels ||= labelsOf(instance);
    groups.push(`{"targets":["${targetOf(place)}"],"labels":${labels}}`);
  }
  return groups;
}

function labelsOf({ id, project, service, labels }: Instance): string {
  let text = `{"${META.instance}":${quoted(id)},"${META.project}":${quoted(project)},"${META.service}":${quoted(service)}`;
  for (const name of Object.keys(labels).sort()) text += `,"${META.label}${name}":${quoted(labels[name]!)}`;
  return `${text}}`;
}

const PLAIN = /^[\w.-]*$/;

/** JSON of a string; most of them need no care. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
