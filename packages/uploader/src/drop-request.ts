import { leavingTime } from "@promferry/core/merge";
import type { Delivery } from "./delivery.ts";
import { type FileRecord, type NextRequest, withFile, withRecord } from "./ledger.ts";
import { contains, raise, upTo, withFrames, withoutRanges } from "./seqs.ts";
import { noCounts } from "./settle.ts";

/**
 * Gives up a request that can no longer be rebuilt byte for byte: a frame is gone, consent was
 * withdrawn, or the destination's filters were changed.
 *
 * What it held counts as unknown. What its receiver may have is not sent again under other bytes:
 * the upload goes on after the newest instant that was sent of its window. Where that went out in blocks, samples of
 * up to ten frames may be passed over by it; the report counts the frames.
 */
export async function dropRequest(
  delivery: Pick<Delivery, "store" | "tally" | "frames" | "coarseness" | "now"> & {
    readonly destination: { readonly name: string };
  },
  next: NextRequest,
): Promise<void> {
  const { store, tally, destination, frames, coarseness } = delivery;
  const { name } = destination;
  const unknown = (next.inDoubt ? next.to - next.from : 0) + next.suspects;
  const doneToMs = next.inDoubt ? next.newestMs : next.afterMs;
  const done = frames.filter(
    (ref) =>
      doneToMs !== undefined &&
      leavingTime(ref.header, coarseness) <= doneToMs &&
      (contains(next.frames, ref.header) || contains(next.passed, ref.header)),
  );
  const headers = done.map((ref) => ref.header);
  const overtaken = upTo(withFrames(new Map(), headers));
  const file = done.at(-1)?.file;
  if (unknown > 0) {
    tally.count(file ?? "", { unknown });
    tally.note(
      `A request that was in doubt, of ${unknown} samples, could not be rebuilt (its frames or the settings of ${name} have changed): it counts as unknown.`,
    );
  }
  await store.change((ledger) => {
    const record = ledger.destinations.get(name)!;
    const newestMs = doneToMs === undefined ? record.newestMs : Math.max(record.newestMs ?? 0, doneToMs);
    let changed = withRecord(ledger, name, {
      ...record,
      next: undefined,
      unknown: record.unknown + unknown,
      newestMs,
      cursor: raise(record.cursor, headers),
      late: next.settleMs !== undefined && next.inDoubt ? new Map() : withoutRanges(record.late, overtaken),
    });
    for (const ref of done) {
      const known: FileRecord = changed.files.get(ref.file)?.get(name) ?? {
        ...noCounts,
        uploadedAt: "",
        status: "partial",
        metricsCount: 0,
        passedOver: 0,
      };
      changed = withFile(changed, ref.file, name, {
        uploadedAt: new Date(delivery.now()).toISOString(),
        status: known.metricsCount > 0 ? "partial" : "failed",
        metricsCount: known.metricsCount,
        refused: known.refused,
        unknown: known.unknown + (ref === done.at(-1) ? unknown : 0),
        passedOver: known.passedOver + 1,
      });
    }
    return changed;
  });
}
