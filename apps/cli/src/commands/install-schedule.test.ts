import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { homeWith, runCli } from "../../test/run-cli.ts";

const CONFIG = `app: k1
metrics:
  dir: journal
  exclusive: true
  destinations:
    - { name: a, type: http, url: "http://127.0.0.1:9999", headers: { X-Key: "\${API_KEY}" } }
    - { name: b, type: http, url: "http://127.0.0.1:9999" }
`;

const install = (flags: readonly string[], env: Record<string, string> = {}) => {
  const { home, config } = homeWith(CONFIG);
  const argv = ["upload-metrics", "--config", "config.yaml", "--install-schedule", ...flags];
  return runCli(argv, { home, env }).then((result) => ({ ...result, home, config }));
};

test("a schedule is printed, runs this very upload, and nothing is written", async () => {
  const { exitCode, stdout, stderr, home, config } = await install([
    "systemd",
    "--dir",
    "other",
    "--to",
    "b",
    "--cleanup",
    "--every",
    "1h",
  ]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^# .*\/systemd\/user\/promferry-upload-k1\.service\n\[Unit\]\n/);
  const exec = /^ExecStart=(.*)$/m.exec(stdout)?.[1];
  expect(exec).toMatch(/^\S+node --max-semi-space-size=8 \S+ \S+main\.ts upload-metrics --config /);
  expect(exec).toContain(`--config ${config} --dir ${join(home, "other")} --to b --cleanup --timeout 2m`);
  expect(stdout).toContain("OnUnitActiveSec=3600s");
  expect(stderr).toContain("promferry: nothing was installed; --write does it\n");
  expect(stderr).toContain("to remove it: systemctl --user disable --now promferry-upload-k1.timer && rm ");
  expect(stderr).not.toContain("API_KEY");
  expect(readdirSync(home)).toEqual(["config.yaml"]);
});

test("what a shell's variables said is asked for, never copied", async () => {
  const env = { API_KEY: "s3cret", DO_NOT_TRACK: "1", K1_TELEMETRY: "off" };
  const { stdout, stderr, home } = await install(["systemd"], env);
  expect(stderr).toContain(
    `note: it runs without your shell's variables; set API_KEY, DO_NOT_TRACK, K1_TELEMETRY in ${join(home, "upload.env")}`,
  );
  expect(stdout).toContain(`EnvironmentFile=-${join(home, "upload.env")}\n`);
  expect(stdout + stderr).not.toContain("s3cret");
});

test("under --json files, commands and removal stand apart", async () => {
  const { json } = await install(["cron", "--json"]);
  expect(json()).toMatchObject({
    kind: "cron",
    name: "promferry-upload-k1",
    installed: false,
    files: [{ path: "crontab", content: expect.stringMatching(/^# promferry-upload-k1 begin\n/) }],
    remove: expect.stringContaining("crontab -l | sed"),
  });
});

for (const { flags, exitCode, says } of [
  { flags: ["upstart"], exitCode: 2, says: "Allowed choices are systemd, launchd, cron, task." },
  { flags: ["cron", "--every", "7m"], exitCode: 2, says: "cron can't run a command every 7m" },
  { flags: ["cron", "--watch"], exitCode: 2, says: "cannot be used with" },
  { flags: ["cron", "--from", "2025-10-06"], exitCode: 2, says: "a schedule takes no dates" },
  { flags: ["cron", "--to", "c"], exitCode: 2, says: "no destination named c" },
  { flags: ["cron", "--config", "missing.yaml"], exitCode: 78, says: "there is no configuration file" },
]) {
  test(`--install-schedule ${flags.join(" ")} is exit ${exitCode}`, async () => {
    const result = await install(flags);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(says);
  });
}

test("--write alone is exit 2", async () => {
  const { exitCode, stderr } = await runCli(["upload-metrics", "--write"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("--write belongs to --install-schedule");
});
