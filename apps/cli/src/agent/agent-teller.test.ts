import { expect, test } from "vitest";
import type { Output } from "../output.ts";
import { createAgentTeller } from "./agent-teller.ts";

test("refused samples that found no room among a minute's lines are told in the next one", () => {
  let nowMs = 0;
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  const out = { json: () => {}, line: keep, error: keep, note: keep } as unknown as Output;
  const teller = createAgentTeller(out, () => nowMs);
  const refuse = (samples: number) =>
    teller.ship({ kind: "refused", destination: "b", samples, reason: "too old" });

  for (let i = 0; i < 40; i++) teller.tell({ event: "note", message: `note ${i}` });
  refuse(3);
  expect(lines).toHaveLength(30);
  nowMs = 60_000;
  refuse(1);
  refuse(1);
  expect(lines.slice(30)).toEqual([
    "promferry: 11 more messages were left out in the last minute",
    "promferry: b: refused 4 samples: too old",
  ]);
  refuse(35);
  expect(lines.at(-1)).toBe("promferry: b: refused 40 samples: too old");
});
