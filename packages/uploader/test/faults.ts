import { DeliveryError } from "@promferry/core/delivery";
import fc from "fast-check";
import { expect } from "vitest";
import { nodeUploadFs, type UploadFs } from "../src/index.ts";
import { dyingFs } from "./dying-fs.ts";
import type { ReceiverOptions } from "./harness.ts";

/** What goes wrong during one upload. */
export type Fault =
  | { readonly kind: "fs"; readonly write: number; readonly after: boolean }
  | { readonly kind: "answer"; readonly send: number; readonly taken: boolean }
  | { readonly kind: "none" };

/** Any of them: at one of the first `writes` to the file system, or one of the first `sends`. */
export function faultsUpTo({
  writes,
  sends,
}: {
  readonly writes: number;
  readonly sends: number;
}): fc.Arbitrary<Fault> {
  return fc.oneof(
    fc.record({
      kind: fc.constant("fs" as const),
      write: fc.integer({ min: 1, max: writes }),
      after: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("answer" as const),
      send: fc.integer({ min: 1, max: sends }),
      taken: fc.boolean(),
    }),
    fc.constant({ kind: "none" as const }),
  );
}

/** What a destination throws whose answer did not come back. */
export function lostAnswer(): DeliveryError {
  return new DeliveryError("ERR_DELIVERY_UNREACHABLE", "cut off", { inDoubt: true });
}

/** Uploads that go wrong, seen by their receiver. */
export interface FaultyUploads {
  /** For the receiver. Demands that what was in doubt comes first, in the same bytes. */
  readonly answer: NonNullable<ReceiverOptions["answer"]>;
  /** Lines that the receiver took; of a body that came again at once, only the first time. */
  readonly once: readonly string[];
  /** Bodies that came again. */
  readonly resends: number;
  /** The file system of the upload that begins now. */
  begin(fault: Fault): UploadFs;
}

export function createFaultyUploads(): FaultyUploads {
  const once: string[] = [];
  let fault: Fault = { kind: "none" };
  let sends = 0;
  let resends = 0;
  let taken = "";
  let doubted: string | undefined;
  return {
    once,
    get resends() {
      return resends;
    },
    begin(next) {
      fault = next;
      sends = 0;
      return fault.kind === "fs" ? dyingFs(fault.write, fault.after) : nodeUploadFs;
    },
    answer(_, __, body) {
      sends++;
      if (doubted !== undefined) expect(body).toBe(doubted);
      const isLost = fault.kind === "answer" && sends === fault.send;
      doubted = isLost ? body : undefined;
      if (fault.kind === "answer" && isLost && !fault.taken) return { error: lostAnswer() };
      if (body === taken) resends++;
      else once.push(...body.split("\n"));
      taken = body;
      return isLost ? { error: lostAnswer() } : "take";
    },
  };
}
