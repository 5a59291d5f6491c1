import { join } from "node:path";
import { expect, test } from "vitest";
import { writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serve } from "../../test/serve.ts";

test("preview lists series by destination, in the configuration's order", async () => {
  const { home } = homeWith(`app: k1
metrics:
  dir: journal
  destinations:
    - { name: first, type: prometheus, url: "https://p.example/api/v1/write" }
    - { name: second, type: pushgateway, url: "https://g.example" }
    - { name: third, type: http, url: "https://h.example" }
`);
  await writeAppSession(join(home, "journal"));
  const { stdout } = await runCli(["preview", "--limit", "1", "--config", "config.yaml"], { home });
  expect([...stdout.matchAll(/^(\w+) {2}\d+ series/gm)].map(([, name]) => name)).toEqual([
    "first",
    "second",
    "third",
  ]);
});

test("a dry run and preview refuse what a Pushgateway will not be sent, as the upload does", async () => {
  const url = await serve((request, response) => {
    if (request.url !== "/page") throw new Error("nothing is to be pushed");
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end("a 1\n");
  });
  const { home } = homeWith(
    `app: k1\nmetrics: { dir: journal, destinations: [{ name: gw, type: pushgateway, url: "${url}" }] }\n`,
  );
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });
  await cli("collect", `${url}/page`, "--once", "--job", "node");

  const dry = await cli("upload-metrics", "--now", "--dry-run");
  const looked = await cli("preview", "--now");
  const real = await cli("upload-metrics", "--now");

  const refusals = (stdout: string) => stdout.split("\n").filter((line) => line.startsWith("  refused "));
  expect(refusals(real.stdout)).not.toEqual([]);
  for (const { exitCode, stdout } of [dry, looked]) {
    expect(exitCode).toBe(real.exitCode);
    expect(stdout).toMatch(/^gw {2}nothing would be sent\n/);
    expect(refusals(stdout)).toEqual(refusals(real.stdout));
  }
  expect(looked.stdout).toContain("gw  6 series, those that would not go among them, the newest");
});
