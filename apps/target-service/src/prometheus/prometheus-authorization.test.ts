import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { authorizationFrom } from "./prometheus-authorization.ts";

test("credentials come from their files, as these are now", async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "prometheus-"));
  context.onTestFinished(() => rm(dir, { recursive: true }));
  const secret = join(dir, "secret");
  const bearer = authorizationFrom({ type: "bearer", tokenFile: secret });
  const basic = authorizationFrom({ type: "basic", username: "ü", passwordFile: secret });
  await expect(bearer()).rejects.toThrow("ENOENT");
  await writeFile(secret, "one\n");
  expect(await bearer()).toBe("Bearer one");
  await writeFile(secret, "two\n");
  expect(await bearer()).toBe("Bearer two");
  expect(await basic()).toBe(`Basic ${Buffer.from("ü:two").toString("base64")}`);
});
