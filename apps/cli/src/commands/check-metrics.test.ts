import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";

for (const { name, argv = [], stdin, exitCode, stdout } of [
  {
    name: "a good page",
    stdin: "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n",
    exitCode: 0,
    stdout: "",
  },
  {
    name: "advice",
    stdin: "# TYPE a_total counter\na_total 1\n",
    exitCode: 0,
    stdout: /^1:1: advice: a_total should have a help text\n$/,
  },
  { name: "an error", stdin: "a 1\na{ 2\n", exitCode: 1, stdout: /^2:\d+: expected/ },
  {
    name: "OpenMetrics",
    argv: ["--format", "openmetrics"],
    stdin: "# TYPE a counter\na_total 1\n",
    exitCode: 1,
    stdout: /# EOF/,
  },
]) {
  test(`check-metrics judges ${name}`, async () => {
    const result = await runCli(["check-metrics", ...argv], { stdin });
    expect(result.exitCode).toBe(exitCode);
    if (stdout === "") expect(result.stdout).toBe("");
    else expect(result.stdout).toMatch(stdout);
  });
}

test("check-metrics reads a file and tells machines what it found", async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, "page.txt"), "a b\n");
  const { exitCode, json } = await runCli(["check-metrics", "page.txt", "--json"], { home });
  expect(exitCode).toBe(1);
  expect(json()).toMatchObject({ ok: false, errors: [{ line: 1, column: 3 }], warnings: [] });
});

const HISTOGRAM = '# HELP h H.\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n';

test("check-metrics --extended says how many series each metric has", async () => {
  const stdin = `# TYPE a gauge\na 1\n${HISTOGRAM}`;
  const { exitCode, stdout } = await runCli(["check-metrics", "--extended"], { stdin });
  expect(exitCode).toBe(0);
  expect(stdout.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
    ["1:1: advice: a should have a help text"],
    ["metric", "series", "share"],
    ["h", "3", "75.00%"],
    ["a", "1", "25.00%"],
    ["all", "4", "100.00%"],
    [""],
  ]);
  const { json } = await runCli(["check-metrics", "--extended", "--json"], { stdin });
  expect(json()).toMatchObject({
    ok: true,
    cardinality: [
      { metric: "h", series: 3 },
      { metric: "a", series: 1 },
    ],
  });
});

test("check-metrics of a file that is not there is exit 74", async () => {
  const { exitCode, stderr } = await runCli(["check-metrics", "nowhere.txt"]);
  expect(exitCode).toBe(74);
  expect(stderr).toMatch(/^promferry: .*nowhere\.txt: not there \(ENOENT\)\n {2}check the path\n$/);
});
