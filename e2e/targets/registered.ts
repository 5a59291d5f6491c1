import { type Endpoint, grantOf, type InstanceSpec } from "@promferry/target-registry";
import { renderTargetList } from "@promferry/target-registry/render";
import type { TargetStore } from "@promferry/target-registry/store";

export const CAUSE = { actor: "platform:e2e" };

/** An instance of p-1 that the platform vouches for, with a node exporter. */
export async function register(
  store: TargetStore,
  id: string,
  service: string,
  { address, port }: Pick<Endpoint, "address" | "port">,
  labels: InstanceSpec["labels"] = {},
): Promise<void> {
  const endpoints = [{ name: "node", address, port }];
  const place = { project: "p-1", service, scope: "default", liveness: "platform" } as const;
  const spec: InstanceSpec = { id, ...place, endpoints, labels };
  const applied = await store.apply(id, { type: "platform-put", spec, grant: grantOf(endpoints) }, CAUSE);
  if (!applied.ok) throw new Error(applied.code);
}

/** The list of node exporters, as the service serves it. */
export async function currentList(store: TargetStore): Promise<Uint8Array> {
  return (await renderTargetList((await store.list()).items, { endpoint: "node" })).body;
}
