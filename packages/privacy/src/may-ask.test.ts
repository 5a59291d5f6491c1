import { expect, test } from "vitest";
import { mayAsk } from "./may-ask.ts";

const terminal = { env: {}, inputIsTerminal: true, outputIsTerminal: true };

for (const { name, place, answer } of [
  { name: "may be asked at a terminal", place: {}, answer: true },
  { name: "may be asked where CI=false", place: { env: { CI: "false" } }, answer: true },
  {
    name: "is not asked in continuous integration",
    place: { env: { CI: "true" } },
    answer: "CI is set, so nobody is there to answer",
  },
  {
    name: "is not asked in a runner that says so in its own way",
    place: { env: { TF_BUILD: "True" } },
    answer: "TF_BUILD is set, so nobody is there to answer",
  },
  {
    name: "is not asked through a pipe",
    place: { inputIsTerminal: false },
    answer: "standard input is no terminal",
  },
  {
    name: "is not asked where the question goes to a file",
    place: { outputIsTerminal: false },
    answer: "standard output is no terminal",
  },
]) {
  test(`a person ${name}`, () => {
    expect(mayAsk({ ...terminal, ...place })).toBe(answer);
  });
}
