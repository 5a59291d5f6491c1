import type { Receipt } from "@promferry/core/delivery";

/**
 * The receipt, with what it does not account for as unknown. Whoever writes a destination may be wrong, and a number that
 * is no count would make the ledger one that nobody reads again.
 */
export function fittingReceipt(receipt: Receipt, samples: number): Receipt {
  const { refused, leftOut = [] } = receipt;
  const counts = [...refused, ...leftOut].map(({ count }) => count);
  const accepted = isCount(receipt.accepted) ? Math.min(receipt.accepted, samples) : 0;
  const rest = samples - accepted - counts.reduce((sum, count) => sum + count, 0);
  if (rest < 0 || !counts.every(isCount)) return { accepted, refused: [], unknown: samples - accepted };
  return { accepted, refused, unknown: rest, leftOut };
}

function isCount(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 0;
}
