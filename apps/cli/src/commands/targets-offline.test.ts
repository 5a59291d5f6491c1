import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";

const TOKEN = `jt-${"a".repeat(20)}.${"x".repeat(43)}.-`;
const URL = "https://targets.example:9180";
const BROKEN = "#cloud-config\nruncmd:\n  - docker run -d \\\n      --net=host prom/node-exporter:latest\n";

test("user data goes to standard output and passes the linter", async () => {
  const made = await runCli(["targets", "user-data", "--url", URL, "--join-token-file", "-"], {
    stdin: `${TOKEN}\n`,
  });
  expect(made).toMatchObject({ exitCode: 0, stderr: "" });
  expect(made.stdout).toContain(`SERVICE_URL='${URL}'`);
  expect(made.stdout).toContain(TOKEN);
  const linted = await runCli(["targets", "lint", "--os", "debian", "--provider", "ec2"], {
    stdin: made.stdout,
  });
  expect(linted).toMatchObject({ exitCode: 0, stdout: "" });
});

test("a file of it is for its owner alone, also where there was another one", async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, "user-data"), "old", { mode: 0o644 });
  writeFileSync(join(home, "mine.yaml"), "#cloud-config\npackages: [nginx]\n");
  const argv = [
    "targets",
    "user-data",
    "--url",
    URL,
    "--merge",
    "mine.yaml",
    "--output",
    "user-data",
    "--json",
  ];
  const { exitCode, json, stdout } = await runCli(argv, { home, env: { PROMFERRY_JOIN_TOKEN: TOKEN } });
  expect(exitCode).toBe(0);
  expect(json()).toMatchObject({
    file: join(home, "user-data"),
    encoding: "plain",
    proven: true,
    findings: [],
  });
  expect(stdout).not.toContain(TOKEN);
  expect(statSync(join(home, "user-data")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(home, "user-data"), "utf8")).toMatch(
    /^Content-Type: multipart[\s\S]*nginx[\s\S]*promferry/,
  );
});

test("what has to be compressed is not put on a terminal", async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, "large"), `#!/bin/sh\n${"# a long comment\n".repeat(1_000)}`);
  const argv = ["targets", "user-data", "--url", URL, "--merge", "large", "--provider", "ec2"];
  const env = { PROMFERRY_JOIN_TOKEN: TOKEN };
  const refused = await runCli(argv, { home, env });
  expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
  expect(refused.stderr).toContain("say --base64, or --output FILE");
  const { stdout } = await runCli([...argv, "--base64"], { home, env });
  expect(gunzipSync(Buffer.from(stdout, "base64")).toString()).toContain(TOKEN);
});

for (const { name, argv, says } of [
  { name: "no join token", argv: ["--url", URL], says: "the join token is missing" },
  { name: "no address", argv: [], says: "the target service's address is missing" },
  { name: "plain http", argv: ["--url", "http://10.0.0.1"], says: "serviceUrl: expected an https address" },
  {
    name: "an image by tag",
    argv: ["--url", URL, "--exporter", "prom/node-exporter:latest"],
    says: "sha256",
  },
  { name: "an endpoint without port", argv: ["--url", URL, "--endpoint", "app"], says: "expected name:port" },
]) {
  test(`user data with ${name} is exit 2`, async () => {
    const env = name === "no join token" ? {} : { env: { PROMFERRY_JOIN_TOKEN: TOKEN } };
    const { exitCode, stderr } = await runCli(["targets", "user-data", ...argv], env);
    expect(stderr).toContain(says);
    expect(exitCode).toBe(2);
  });
}

test("the script for images holds nothing secret and is a shell script", async () => {
  const { exitCode, stdout } = await runCli(["targets", "user-data", "--image-script"]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^#!\/bin\/sh\n/);
  expect((await runCli(["targets", "user-data", "--image-script", "--os", "alpine"])).exitCode).toBe(2);
});

test("findings have their place, and are exit 1", async () => {
  const { exitCode, stdout } = await runCli(["targets", "lint", "-"], { stdin: BROKEN });
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^3:\d+: backslash-in-plain-scalar: /m);
  expect(stdout).toMatch(/^\d+:\d+: unpinned-image: /m);
  const { json } = await runCli(["targets", "lint", "--json"], { stdin: BROKEN });
  expect(json()).toMatchObject({ ok: false, findings: expect.any(Array) });
});

test("what is no user data at all is exit 2, and a missing file exit 74", async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, "blob"), Buffer.from([0xff, 0xfe, 0x00]));
  expect((await runCli(["targets", "lint", "blob"], { home })).exitCode).toBe(2);
  expect((await runCli(["targets", "lint", "missing"], { home })).exitCode).toBe(74);
});
