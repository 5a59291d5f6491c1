import { createMemoryStore, type StoreOptions, type TargetStore } from "@promferry/target-registry/store";
import type { Settings } from "./config/settings.ts";

/** Opens the store that the settings name. @throws {StoreError} */
export async function openStore({ policy, timings }: Settings): Promise<TargetStore> {
  const options: StoreOptions = { timings, instancesPerProject: policy.instancesPerProject };
  return createMemoryStore(options);
}
