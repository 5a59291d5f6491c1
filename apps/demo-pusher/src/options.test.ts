import { expect, test } from "vitest";
import { readOptions } from "./options.ts";

const defaults = {
  url: "http://127.0.0.1:9091",
  job: "example_metrics_pusher",
  instance: "example-app",
  interval: 15_000,
  once: false,
  deleteOnExit: false,
  seed: 1,
  print: false,
  trace: false,
};

for (const { name, argv = [], env = {}, changed } of [
  { name: "have defaults", changed: {} },
  { name: "take durations with units", argv: ["--interval", "500ms"], changed: { interval: 500 } },
  { name: "take a bare number for seconds", argv: ["--interval", "2"], changed: { interval: 2000 } },
  {
    name: "come from variables",
    env: {
      DEMO_PUSHER_URL: "http://gateway:9091",
      DEMO_PUSHER_JOB: "j",
      DEMO_PUSHER_INSTANCE: "i",
      DEMO_PUSHER_INTERVAL: "1m",
      DEMO_PUSHER_SEED: "42",
      DEMO_PUSHER_ONCE: "1",
      DEMO_PUSHER_DELETE_ON_EXIT: "true",
    },
    changed: {
      url: "http://gateway:9091",
      job: "j",
      instance: "i",
      interval: 60_000,
      seed: 42,
      once: true,
      deleteOnExit: true,
    },
  },
  {
    name: "take a flag before its variable",
    argv: ["--job=a"],
    env: { DEMO_PUSHER_JOB: "b" },
    changed: { job: "a" },
  },
  {
    name: "take 0 and an empty variable for no",
    env: { DEMO_PUSHER_ONCE: "0", DEMO_PUSHER_URL: "" },
    changed: {},
  },
  {
    name: "know --once, --delete-on-exit, --print",
    argv: ["--once", "--delete-on-exit", "--print"],
    changed: { once: true, deleteOnExit: true, print: true },
  },
]) {
  test(`options ${name}`, () => {
    expect(readOptions(argv, env)).toEqual({ ...defaults, ...changed });
  });
}

for (const { argv, message } of [
  { argv: ["--interval", "soon"], message: 'such as 15s, got "soon"' },
  { argv: ["--interval", "1ms"], message: "from 100ms to 24h" },
  { argv: ["--seed", "x"], message: "1 to 9 digits" },
]) {
  test(`options refuse ${argv.join(" ")}`, () => {
    expect(() => readOptions(argv, {})).toThrow(message);
  });
}
