/** Something a user should hear of. The manager goes on. */
export interface ScrapeProblem {
  /**
   * `target`: it can't be made, or is one too many. `discovery`: a list could not be had; the last one
   * stays. `scrape`: a page could not be had. `page`: `onPage` rejected.
   */
  readonly kind: "target" | "discovery" | "scrape" | "page";
  readonly jobName: string;
  /** The target's URL, or the list's file or URL, where there is one; a query is left out, it may hold a key. */
  readonly source: string | undefined;
  readonly message: string;
}

/** Problems that are remembered; then all are told once more. */
const MAX_TOLD = 20_000;

/** Passes problems on. */
export interface Teller {
  (problem: ScrapeProblem): void;
  /** It works again: the next failure is told. */
  settled(kind: ScrapeProblem["kind"], jobName: string, source: string | undefined): void;
}

/** Tells each problem once for as long as it stays the same. */
export function createTeller(onProblem: (problem: ScrapeProblem) => void): Teller {
  const told = new Map<string, string>();
  const keyOf = (kind: string, jobName: string, source = "") => JSON.stringify([kind, jobName, source]);
  const tell = (problem: ScrapeProblem) => {
    const key = keyOf(problem.kind, problem.jobName, problem.source);
    if (told.get(key) === problem.message) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.set(key, problem.message);
    onProblem({ ...problem, source: problem.source?.replace(/^(https?:[^?]*)\?.*$/s, "$1?…") });
  };
  const settled: Teller["settled"] = (kind, jobName, source) => {
    told.delete(keyOf(kind, jobName, source));
  };
  return Object.assign(tell, { settled });
}
