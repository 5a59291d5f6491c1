/** What Prometheus and vmagent say of the targets that they have; both answer in the same form. */
import { setTimeout as delay } from "node:timers/promises";
import type { RunningServer } from "../harness/index.ts";

export interface ActiveTarget {
  readonly labels: Readonly<Record<string, string>>;
  readonly scrapeUrl: string;
  readonly scrapePool: string;
  readonly health: string;
  readonly lastError: string;
}

export async function activeTargets({ url }: RunningServer): Promise<readonly ActiveTarget[]> {
  const answer = await fetch(`${url}/api/v1/targets?state=active`);
  const { data } = (await answer.json()) as { data: { activeTargets: ActiveTarget[] } };
  return data.activeTargets;
}

/** `instance_id` of each, sorted. */
export function idsOf(targets: readonly ActiveTarget[]): string[] {
  return targets.map(({ labels }) => labels["instance_id"] ?? "").sort();
}

/** Asks until `isRight`, and gives the last answer either way. */
export async function until<T>(
  ask: () => Promise<T>,
  isRight: (answer: T) => boolean,
  limitMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (isRight(answer) || Date.now() > deadline) return answer;
    await delay(200);
  }
}
