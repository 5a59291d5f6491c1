/**
 * What a call of the catalogue's counters costs over prom-client's own, turn by turn in one process. Prints nanoseconds a call,
 * by case a list of `[ours, prom-client]`.
 */
import { counter, defineMetrics } from "@promferry/core";
import { Counter, Registry } from "prom-client";

const ROUNDS = 15;
const CALLS = 200_000;
const SCREENS = ["pods", "deployments", "nodes"];
const registers = [new Registry()];
const plain = new Counter({ name: "plain_total", help: "Plain.", registers });
const one = new Counter({ name: "one_total", help: "One label.", labelNames: ["screen"], registers });
const two = new Counter({
  name: "two_total",
  help: "Two labels.",
  labelNames: ["screen", "kind"],
  registers,
});
const ours = defineMetrics(
  { namespace: "k1" },
  {
    plain: counter({ name: "plain_total", help: "Plain." }),
    one: counter({
      name: "one_total",
      help: "One label.",
      labels: { screen: ["pods", "deployments", "nodes"] },
    }),
    two: counter({
      name: "two_total",
      help: "Two labels.",
      labels: { screen: ["pods", "deployments", "nodes"], kind: ["list", "get"] },
    }),
  },
);
/** @type {Record<string, [() => void, () => void]>} */
const cases = {
  "without labels": [repeat(() => ours.plain.inc()), repeat(() => plain.inc())],
  "with one label": [
    repeat((i) => ours.one.inc({ screen: SCREENS[i % 3] ?? "" })),
    repeat((i) => one.inc({ screen: SCREENS[i % 3] ?? "" })),
  ],
  "with two labels": [
    repeat((i) => ours.two.inc({ screen: SCREENS[i % 3] ?? "", kind: "list" })),
    repeat((i) => two.inc({ screen: SCREENS[i % 3] ?? "", kind: "list" })),
  ],
};
/** @type {Record<string, [number, number][]>} */
const found = {};
for (let round = -2; round < ROUNDS; round++) {
  for (const [name, both] of Object.entries(cases)) {
    const [own = 0, peer = 0] = both.map(timeOf);
    if (round >= 0) found[name] = [...(found[name] ?? []), [own, peer]];
  }
}
console.log(JSON.stringify(found));

/** @param {(i: number) => void} call */
function repeat(call) {
  return () => {
    for (let i = 0; i < CALLS; i++) call(i);
  };
}

/** @param {() => void} run */
function timeOf(run) {
  const began = performance.now();
  run();
  return ((performance.now() - began) * 1e6) / CALLS;
}
