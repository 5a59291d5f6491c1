import { PROBLEMS, type ProblemCode } from "./problem-table.ts";
import { closed, findingSchema } from "./schemas.ts";

const problemSchema = closed(
  {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", enum: Object.keys(PROBLEMS) },
    detail: { type: "string" },
    request: { type: "string" },
    problems: {
      type: "array",
      items: closed({ path: { type: "string" }, expected: { type: "string" }, found: { type: "string" } }),
    },
    findings: { type: "array", items: findingSchema },
    rev: { type: "integer" },
  },
  ["type", "title", "status", "code", "detail", "request"],
);

/** What any route may answer. */
const ALWAYS: readonly ProblemCode[] = [
  "invalid_json",
  "unauthorized",
  "forbidden",
  "body_too_large",
  "unsupported_media_type",
  "rate_limited",
  "internal",
  "store_unavailable",
];

/** The answers of a route: its own by status, and problem documents for the statuses of `codes`. */
export function answers(
  own: Readonly<Record<number, object>>,
  codes: readonly ProblemCode[] = [],
): Readonly<Record<number, object>> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of [...ALWAYS, ...codes]) {
    byStatus.set(PROBLEMS[code].status, [...(byStatus.get(PROBLEMS[code].status) ?? []), code]);
  }
  const problems = [...byStatus].map(([status, list]) => [
    status,
    {
      description: list.join(", "),
      content: { "application/problem+json": { schema: problemSchema } },
    },
  ]);
  return { ...Object.fromEntries(problems), ...own };
}

/** An answer without a body. */
export const EMPTY = { type: "null", description: "nothing" } as const;

/** An answer that is not JSON of ours. */
export function raw(type: string, description: string): object {
  return { description, content: { [type]: { schema: { type: "string" } } } };
}
