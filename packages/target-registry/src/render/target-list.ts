import { type Instance, isServed } from "../model/instance.ts";
import { createListRenderer, type ListSelection, type RenderListOptions } from "./list-renderer.ts";
import { changePages } from "./target-pages.ts";

/** A list in one piece. */
export interface TargetList {
  /** UTF-8 JSON, to be sent as `application/json`. */
  readonly body: Uint8Array;
  /** Strong entity tag with its quotes: the SHA-256 of the body. */
  readonly etag: string;
  /** Targets in it. */
  readonly count: number;
}

/**
 * Renders the served targets of `instances` as Prometheus reads them; see `createListRenderer`, which does it again and
 * again for less.
 *
 * Lost and draining instances stand in it as active ones do. Takes whatever it is given for the truth: whether a list may
 * be served at all is for `StoreInfo.authoritative`.
 *
 * @param instances In the order of their ids, bytewise, as `TargetStore.list` gives them.
 * @throws {RangeError} When they are in another order, or one id comes twice.
 */
export async function renderTargetList(
  instances: readonly Instance[],
  selection: ListSelection,
  options: RenderListOptions = {},
): Promise<TargetList> {
  for (const [i, { id }] of instances.entries()) {
    const before = instances[i - 1]?.id;
    if (before === undefined || before < id) continue;
    throw new RangeError(`instances: expected ascending ids, found ${id} after ${before}`);
  }
  const { chunks, etag, count } = await createListRenderer(selection, options).render(
    changePages([], instances.filter(isServed)),
  );
  return { body: Buffer.concat(chunks), etag, count };
}
