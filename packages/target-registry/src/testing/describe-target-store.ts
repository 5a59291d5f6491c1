import { describe } from "vitest";
import { changeTests } from "./change-tests.ts";
import { databaseTests } from "./database-tests.ts";
import { instanceTests } from "./instance-tests.ts";
import { leaseTests } from "./lease-tests.ts";
import { raceTests } from "./race-tests.ts";
import { randomTests } from "./random-tests.ts";
import { recordTests } from "./record-tests.ts";
import { opener, type TargetStoreSetup } from "./suite.ts";
import { tokenTests } from "./token-tests.ts";

/**
 * The contract of `TargetStore` as a vitest suite. An engine runs all of it:
 *
 * ```ts no-run
 * describeTargetStore("sqlite", {
 *   handles: "in-turn",
 *   create: async () => {
 *     const dir = await mkdtemp(join(tmpdir(), "store-"));
 *     return {
 *       open: (options) => openSqliteStore({ ...options, file: join(dir, "targets.db") }),
 *       drop: () => rm(dir, { recursive: true }),
 *     };
 *   },
 * });
 * ```
 */
export function describeTargetStore(name: string, setup: TargetStoreSetup): void {
  const open = opener(setup);
  describe(`target store ${name}`, () => {
    describe("instances", () => instanceTests(open));
    describe("tokens", () => tokenTests(open));
    describe("leases", () => leaseTests(open));
    describe("changes", () => changeTests(open));
    describe("records", () => recordTests(open));
    describe("databases", () => databaseTests(open, setup));
    describe("random calls", () => randomTests(open));
    describe("races", () => raceTests(open, setup));
  });
}
