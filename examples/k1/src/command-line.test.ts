import { expect, test } from "vitest";
import { parseCommandLine } from "./command-line.ts";

test("without arguments nothing is recorded", () => {
  expect(parseCommandLine([], {})).toMatchObject({
    seed: 1,
    steps: 200,
    frames: 4,
    enableMetricsCollection: false,
  });
});

test("a relative directory is taken from where the user stands", () => {
  const args = [
    "--",
    "--enable-metrics-collection",
    "--dir",
    "m",
    "--seed=7",
    "--steps",
    "30",
    "--frames=2",
    "--json",
  ];
  expect(parseCommandLine(args, { INIT_CWD: "/home/me" })).toEqual({
    dir: "/home/me/m",
    seed: 7,
    steps: 30,
    frames: 2,
    pauseMs: 0,
    enableMetricsCollection: true,
    json: true,
    help: false,
  });
});

for (const args of [["--seed", "x"], ["--steps=-1"], ["--frames=1.5"], ["--unknown"], ["positional"]]) {
  test(`${args.join(" ")} is refused`, () => {
    expect(() => parseCommandLine(args, {})).toThrow(TypeError);
  });
}
