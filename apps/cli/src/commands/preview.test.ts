import { join } from "node:path";
import { expect, test } from "vitest";
import { writeAppSession } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";

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
