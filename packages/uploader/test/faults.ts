import { DeliveryError } from "@promferry/core/delivery";
import fc from "fast-check";

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
