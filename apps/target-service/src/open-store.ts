import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createMemoryStore, type StoreOptions, type TargetStore } from "@promferry/target-registry/store";
import type { Settings } from "./config/settings.ts";
import { openPostgresStore, openSqliteStore } from "./stores/index.ts";

/** Opens the store that the settings name. @throws {StoreError} */
export async function openStore({ store, policy, timings }: Settings): Promise<TargetStore> {
  const options: StoreOptions = { timings, instancesPerProject: policy.instancesPerProject };
  switch (store.kind) {
    case "memory":
      return createMemoryStore(options);
    case "sqlite":
      await mkdir(dirname(store.file), { recursive: true, mode: 0o700 });
      return openSqliteStore({ ...options, file: store.file });
    case "postgres":
      return openPostgresStore({ ...options, url: store.url });
  }
}
