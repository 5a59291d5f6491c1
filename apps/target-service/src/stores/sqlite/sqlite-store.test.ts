import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeTargetStore } from "@promferry/target-registry/testing";
import { openSqliteStore } from "./sqlite-store.ts";

describeTargetStore("sqlite", {
  handles: "many",
  create: async () => {
    const dir = await mkdtemp(join(tmpdir(), "promferry-store-"));
    return {
      open: (options) => openSqliteStore({ ...options, file: join(dir, "targets.db") }),
      drop: () => rm(dir, { recursive: true }),
    };
  },
});
