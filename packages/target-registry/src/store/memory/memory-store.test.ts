import { describeTargetStore } from "../../testing/index.ts";
import { createMemoryStore } from "./memory-store.ts";

describeTargetStore("memory", {
  handles: "one",
  create: async () => ({ open: async (options) => createMemoryStore(options) }),
});
