import type { ShipEvent } from "@promferry/uploader";
import { formatDuration } from "../config/duration.ts";
import { count } from "../count.ts";
import type { Output } from "../output.ts";
import type { ScrapeProblem } from "../scrape/scrape-problem.ts";

/** One line of an agent that runs. */
export interface AgentEvent {
  readonly event:
    | "started"
    | "problem"
    | "recovered"
    | "lost"
    | "refused"
    | "note"
    | "reloaded"
    | "reload-failed"
    | "stopped";
  readonly message: string;
  readonly destination?: string;
  readonly source?: string;
  readonly hint?: string;
}

/** Tells what happens, each thing when it begins and when it ends, and not more than a reader can take. */
export interface AgentTeller {
  tell(event: AgentEvent): void;
  ship(event: ShipEvent): void;
  scrape(problem: ScrapeProblem): void;
}

const LINES_A_MINUTE = 30;
const MINUTE_MS = 60_000;

export function createAgentTeller(out: Output, now: () => number): AgentTeller {
  let minute = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let left = 0;
  /** By destination and reason: how many were told, so that each is told once, and again for each tenfold. */
  const counts = new Map<string, { total: number; nextAt: number }>();

  /** @returns Whether it was told, and not one too many. */
  function tell(event: AgentEvent): boolean {
    const { message, hint, event: kind } = event;
    if (Math.abs(now() - minute) >= MINUTE_MS) {
      if (left > 0) out.error(`promferry: ${left} more messages were left out in the last minute`);
      minute = now();
      lines = 0;
      left = 0;
    }
    if (++lines > LINES_A_MINUTE) {
      left++;
      return false;
    }
    out.json(event);
    if (kind === "started") out.line(message);
    else if (kind === "problem" || kind === "lost" || kind === "reload-failed")
      out.error(`promferry: ${message}`);
    else out.note(`promferry: ${message}`);
    if (hint !== undefined) out.note(`  ${hint}`);
    return true;
  }

  /** Counts so many more, and tells it where that is worth a line. */
  function tellCount(key: string, more: number, event: (total: number) => AgentEvent): boolean {
    const known = counts.get(key) ?? { total: 0, nextAt: 1 };
    known.total += more;
    if (counts.size < 10_000) counts.set(key, known);
    const isTold = known.total >= known.nextAt && tell(event(known.total));
    if (isTold) known.nextAt = known.total * 10;
    return isTold;
  }

  return {
    tell,
    ship(event) {
      switch (event.kind) {
        case "busy":
          return tell({ event: "problem", message: `nothing is sent for now: ${event.message}` });
        case "failing": {
          const { destination, message, hint } = event;
          const kept = "what is scraped is kept and sent later";
          return tell({
            event: "problem",
            destination,
            message: `${destination}: ${message}; ${kept}`,
            ...(hint && { hint }),
          });
        }
        case "recovered": {
          const { destination, afterMs } = event;
          const after = formatDuration(Math.max(1000, Math.round(afterMs / 1000) * 1000));
          return tell({
            event: "recovered",
            destination,
            message: `${destination}: takes samples again, after ${after}`,
          });
        }
        case "refused":
        case "unknown": {
          const { destination, samples, reason } = event;
          return tellCount(`${event.kind} ${destination} ${reason}`, samples, (total) => {
            const what =
              event.kind === "refused"
                ? `refused ${count(total, "sample")}`
                : `unknown whether ${count(total, "sample")} arrived`;
            return { event: "refused", destination, message: `${destination}: ${what}: ${reason}` };
          });
        }
        case "lost": {
          const { destination, frames, file } = event;
          const message = `${file} was deleted for want of room, and ${destination} lacked ${count(frames, "scrape")} of it`;
          return tell({
            event: "lost",
            destination,
            message,
            hint: "agent.max_bytes says how large the queue may get",
          });
        }
        case "note":
          return tell({ event: "note", destination: event.destination, message: event.message });
        case "damaged": {
          const { file, offsetBytes, lengthBytes } = event;
          return tell({
            event: "problem",
            message: `${lengthBytes} bytes of ${file} at ${offsetBytes} hold no whole frame`,
          });
        }
        case "local":
          return tell({ event: "problem", message: event.message });
      }
    },
    scrape({ jobName, source, message }) {
      const where = source ?? jobName;
      tell({ event: "problem", source: where, message: `${where}: ${message}` });
    },
  };
}
