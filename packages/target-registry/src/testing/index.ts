export { describeTargetStore } from "./describe-target-store.ts";
export type { SuiteDatabase, SuiteStoreOptions, TargetStoreSetup } from "./suite.ts";
