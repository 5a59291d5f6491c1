import type { Receipt } from "@promferry/core/delivery";
import { expect, test } from "vitest";
import { fittingReceipt } from "./fitting-receipt.ts";

const of = (accepted: number, ...counts: number[]): Receipt => ({
  accepted,
  refused: counts.map((count) => ({ reason: "no such", count })),
  unknown: 0,
});

for (const { name, receipt, fits } of [
  { name: "accounts for all", receipt: of(3, 2), fits: { ...of(3, 2), leftOut: [] } },
  { name: "accounts for too few", receipt: of(3, 1), fits: { ...of(3, 1), unknown: 1, leftOut: [] } },
  { name: "accounts for too many", receipt: of(4, 3), fits: { ...of(4), unknown: 1 } },
  { name: "accepts more than there are", receipt: of(9), fits: { ...of(5), leftOut: [] } },
  { name: "accepts what is no number", receipt: of(Number.NaN), fits: { ...of(0), unknown: 5, leftOut: [] } },
  { name: "accepts less than nothing", receipt: of(-1), fits: { ...of(0), unknown: 5, leftOut: [] } },
  { name: "accepts a half", receipt: of(0.5, 2), fits: { ...of(0, 2), unknown: 3, leftOut: [] } },
  { name: "refuses less than nothing", receipt: of(3, -1), fits: { ...of(3), unknown: 2 } },
  { name: "refuses what is no number", receipt: of(3, Number.NaN), fits: { ...of(3), unknown: 2 } },
]) {
  test(`a receipt for five samples that ${name} has whole counts that add up`, () => {
    expect(fittingReceipt(receipt, 5)).toEqual(fits);
  });
}
