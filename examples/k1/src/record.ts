import type { K1Metrics } from "./metrics.ts";
import type { Action } from "./workload.ts";

/** A clock that stands still until time is spent. */
export interface WorkClock {
  nowMs(): number;
  spend(ms: number): void;
}

export function createWorkClock(): WorkClock {
  let elapsedMs = 0;
  return {
    nowMs: () => elapsedMs,
    spend: (ms) => {
      elapsedMs += ms;
    },
  };
}

/** Does what the action says and records it, as the code of k1 would at the place where it happens. */
export function record(action: Action, metrics: K1Metrics, clock: WorkClock): void {
  switch (action.kind) {
    case "sync": {
      const { resource, ms, objects } = action;
      const synced = metrics.informerSync.startTimer({ resource });
      clock.spend(ms);
      synced();
      metrics.objectsCached.set({ resource }, objects);
      return;
    }
    case "resize":
      metrics.terminalWidth.set(action.columns);
      metrics.terminalHeight.set(action.lines);
      return;
    case "view": {
      const { screen, resource, operation } = action;
      metrics.screenViews.inc({ screen });
      const queried = metrics.informerQuery.startTimer({ resource, operation });
      clock.spend(action.queryMs);
      queried();
      draw(screen, action.ms);
      return;
    }
    case "refresh":
      metrics.refreshOperations.inc({ screen: action.screen });
      draw(action.screen, action.ms);
      return;
    case "filter": {
      const { type } = action;
      metrics.filterOperations.inc({ type });
      const filtered = metrics.filterOperation.startTimer({ type });
      clock.spend(action.ms);
      filtered();
      return;
    }
    case "command": {
      const { command } = action;
      metrics.commandsExecuted.inc({ command });
      const executed = metrics.commandExecution.startTimer({ command });
      clock.spend(action.ms);
      executed();
      return;
    }
    case "error":
      metrics.errors.inc({ type: action.type, resource: action.resource });
  }

  function draw(screen: Extract<Action, { kind: "view" }>["screen"], ms: number): void {
    const drawn = metrics.screenRender.startTimer({ screen });
    clock.spend(ms);
    drawn();
  }
}
