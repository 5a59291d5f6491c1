import type { EpochMs } from "@promferry/core/series";
import { type Sampling, weekOf } from "@promferry/privacy";
import { dateOf } from "../upload/sampling.ts";

export interface SamplingFacts {
  readonly rate: number;
  /** When this week began, as `2025-10-06`. */
  readonly week: string;
  /** Whether it was drawn; absent before the first upload. */
  readonly drawn?: boolean;
}

/** Nothing where all weeks are sent. */
export function describeSampling(
  { rate, isDrawn, provisional }: Sampling,
  nowMs: EpochMs,
): { readonly sampling?: SamplingFacts } {
  if (rate === 1) return {};
  const week = dateOf(weekOf(nowMs));
  return { sampling: { rate, week, ...(provisional ? {} : { drawn: isDrawn(nowMs) }) } };
}

export function samplingInWords({ rate, week, drawn }: SamplingFacts): string {
  const part = `${rate} of all weeks is sent`;
  if (drawn === undefined) return `${part}; the first upload draws`;
  if (drawn) return `${part}; drawn this week, from ${week}`;
  return `${part}; not drawn this week, from ${week}: nothing that is recorded in it is ever sent`;
}
