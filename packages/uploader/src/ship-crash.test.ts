import { expect, test } from "vitest";
import { dyingFs, processesOf } from "../test/dying-fs.ts";
import { createReceiver } from "../test/harness.ts";
import { createShipBed } from "../test/ship-bed.ts";
import { nodeUploadFs, readLedger } from "./index.ts";

const until = (check: () => unknown) => expect.poll(check, { timeout: 10_000, interval: 2 });

for (const after of [false, true]) {
  const when = after ? "after" : "before";
  test(`a shipper that dies ${when} one of its writes leaves nothing out, and what comes twice comes in the same bytes`, {
    timeout: 60_000,
  }, async (context) => {
    // Every third of them; the other test takes those in between.
    for (let write = after ? 2 : 1, isOver = false; !isOver; write += 3) {
      const bed = await createShipBed(context, 600);
      const written: string[] = [];
      for (let i = 0; i < 3; i++) {
        await bed.scrape("aaaaaaaa", { up: i, same: 7 }, { exit: i === 1 });
        await bed.scrape("bbbbbbbb", { up: i });
        written.push(`up ${i}`, "same 7", `up ${i}`);
      }
      const receiver = createReceiver({ maxSamples: 4 });
      const fs = dyingFs(write, after);
      const dying = bed.ship([receiver], { fs, lingerMs: 0, processes: processesOf(1) });
      let isDone = false;
      await until(async () => {
        isDone = receiver.samples.length === written.length && (await bed.segments()).length === 1;
        return fs.isDead || isDone;
      }).toBe(true);
      // Nothing is left for it to write.
      isOver = isDone && !fs.isDead;
      await dying.stop(AbortSignal.abort());

      const heir = bed.ship([receiver], { lingerMs: 0, processes: processesOf(2) });
      await until(async () => (await heir.status()).destinations[0]).toMatchObject({
        accepted: written.length,
        backlogBytes: 0,
      });
      await until(() => bed.segments()).toHaveLength(1);
      await heir.stop(AbortSignal.timeout(5_000));
      const bodies = [...new Set(receiver.bodies)];
      expect(receiver.bodies.length - bodies.length).toBeLessThanOrEqual(1);
      const samples = bodies.flatMap((body) => body.split("\n"));
      expect(new Set(samples).size).toBe(samples.length);
      expect(samples.map((line) => line.slice(0, line.indexOf("@"))).sort()).toEqual(written.sort());
      const ledger = await readLedger(bed.dir, nodeUploadFs);
      expect(ledger.destinations.get("store")).toMatchObject({ refused: 0, unknown: 0, lostFrames: 0 });
    }
  });
}
