import {
  COMMANDS,
  type Command,
  ERROR_TYPES,
  type ErrorType,
  FILTER_TYPES,
  type FilterType,
  OPERATIONS,
  type Operation,
  RESOURCES,
  type Resource,
  SCREENS,
  type Screen,
} from "./metrics.ts";
import { createRandom } from "./random.ts";

/** Something that happens in k1. Durations are whole milliseconds. */
export type Action =
  | { readonly kind: "sync"; readonly resource: Resource; readonly ms: number; readonly objects: number }
  | { readonly kind: "resize"; readonly columns: number; readonly lines: number }
  | {
      readonly kind: "view";
      readonly screen: Screen;
      readonly ms: number;
      readonly resource: Resource;
      readonly operation: Operation;
      readonly queryMs: number;
    }
  | { readonly kind: "refresh"; readonly screen: Screen; readonly ms: number }
  | { readonly kind: "filter"; readonly type: FilterType; readonly ms: number }
  | { readonly kind: "command"; readonly command: Command; readonly ms: number }
  | { readonly kind: "error"; readonly type: ErrorType; readonly resource: Resource };

/** How often each kind of step comes, out of all that stand here. */
const STEPS = [
  "view",
  "view",
  "view",
  "view",
  "filter",
  "filter",
  "command",
  "refresh",
  "resize",
  "error",
] as const;

/**
 * What a user does in one run, the same for the same seed: k1 starts and loads every kind of resource,
 * then `steps` things happen.
 */
export function workload(seed: number, steps: number): readonly Action[] {
  const { between, pick } = createRandom(seed);
  const resize = (): Action => ({ kind: "resize", columns: between(80, 240), lines: between(24, 70) });
  const start = RESOURCES.map(
    (resource): Action => ({ kind: "sync", resource, ms: between(40, 3_000), objects: between(1, 900) }),
  );
  const step = (): Action => {
    const kind = pick(STEPS);
    switch (kind) {
      case "view": {
        const query = { resource: pick(RESOURCES), operation: pick(OPERATIONS), queryMs: between(1, 30) };
        return { kind, screen: pick(SCREENS), ms: between(2, 120), ...query };
      }
      case "filter":
        return { kind, type: pick(FILTER_TYPES), ms: between(1, 40) };
      case "command":
        return { kind, command: pick(COMMANDS), ms: between(30, 4_000) };
      case "refresh":
        return { kind, screen: pick(SCREENS), ms: between(2, 120) };
      case "error":
        return { kind, type: pick(ERROR_TYPES), resource: pick(RESOURCES) };
      case "resize":
        return resize();
    }
  };
  return [resize(), ...start, ...Array.from({ length: steps }, step)];
}
