import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/run-cli.ts";
import { crontabEntry, withEntry } from "./crontab-entry.ts";
import { installSchedule, planSchedule } from "./install-schedule.ts";
import type { ScheduledJob, ScheduleKind } from "./schedule.ts";

const job: ScheduledJob = {
  name: "promferry-upload-k1",
  app: "k1",
  argv: ["/usr/bin/env", "upload-metrics", "--dir", `/d/a b/it's "50%" $HOME & <x>\\`],
  everyMs: 900_000,
  dir: "/d/a b/%h",
  runsCommands: false,
  environmentFile: undefined,
};
const home = { home: "/home/u", env: {}, uid: 501 };

/** The words that a shell makes of a line. */
const shellWords = (line: string) =>
  spawnSync("/bin/sh", ["-c", `printf '%s\\n' ${line}`], { encoding: "utf8" })
    .stdout.trimEnd()
    .split("\n");

const hasAnalyzer = spawnSync("systemd-analyze", ["--version"]).status === 0;

/** What systemd has to say about units, but for faults of this machine's own. */
function verdict(...paths: string[]): string[] {
  const { stderr } = spawnSync("systemd-analyze", ["verify", "--user", ...paths], {
    encoding: "utf8",
    env: { ...process.env, XDG_RUNTIME_DIR: temporaryFolder() },
  });
  expect(stderr).not.toContain("Failed to initialize");
  return stderr.split("\n").filter((line) => line.includes(job.name));
}

for (const { name, more } of [
  { name: "of a path with every special character", more: {} },
  {
    name: "that runs commands, with a file of variables",
    more: { runsCommands: true, environmentFile: "/c/50%/up load.env" },
  },
  { name: "of a journal in /tmp", more: { dir: "/tmp/j" } },
]) {
  test.skipIf(!hasAnalyzer)(`systemd takes the units ${name} without a word`, () => {
    const folder = temporaryFolder();
    const { files } = planSchedule(
      "systemd",
      { ...job, ...more },
      { ...home, env: { XDG_CONFIG_HOME: folder } },
    );
    expect(files.map(({ path }) => path)).toEqual(
      ["service", "timer"].map((kind) => join(folder, "systemd", "user", `${job.name}.${kind}`)),
    );
    mkdirSync(join(folder, "systemd", "user"), { recursive: true });
    for (const { path, content } of files) writeFileSync(path, content);
    expect(verdict(...files.map(({ path }) => path))).toEqual([]);
  });
}

test.skipIf(!hasAnalyzer)("systemd does object to a unit with a fault, so its silence counts", () => {
  const path = join(temporaryFolder(), `${job.name}.service`);
  const { files } = planSchedule("systemd", job, home);
  writeFileSync(path, files[0]!.content.replace("ProtectSystem=strict", "ProtectSystem=strikt"));
  expect(verdict(path).join()).toContain("strikt");
});

test("the systemd service can write the journal and nothing else, and has few rights", () => {
  const [service] = planSchedule("systemd", job, home).files;
  for (const line of [
    `ExecStart=/usr/bin/env upload-metrics --dir "/d/a b/it's \\"50%%\\" $$HOME & <x>\\\\"`,
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    'ReadWritePaths="-/d/a b/%%h"',
    "NoNewPrivileges=yes",
    "SystemCallFilter=@system-service",
    "PrivateTmp=yes",
  ]) {
    expect(service!.content.split("\n")).toContain(line);
  }
  // Node makes machine code at run time.
  expect(service!.content).not.toContain("MemoryDenyWriteExecute");
});

for (const { everyMs, when } of [
  { everyMs: 60_000, when: /^\* \* \* \* \* / },
  { everyMs: 900_000, when: /^(\d|1[0-4])-59\/15 \* \* \* \* / },
  { everyMs: 3_600_000, when: /^\d+ \* \* \* \* / },
  { everyMs: 21_600_000, when: /^\d+ [0-5]-23\/6 \* \* \* / },
  { everyMs: 86_400_000, when: /^\d+ \d+ \* \* \* / },
]) {
  test(`cron runs it every ${everyMs / 60_000} minutes, with the arguments as they are`, () => {
    const [, line = ""] = crontabEntry({ ...job, everyMs }).split("\n");
    expect(line).toMatch(when);
    // cron takes \% for % and hands the rest to a shell.
    const command = line
      .replace(/^(\S+ ){5}/, "")
      .replace(/ >\/dev\/null$/, "")
      .replaceAll("\\%", "%");
    expect(command.includes("%") && !/[^\\]%/.test(line)).toBe(true);
    expect(shellWords(command)).toEqual(job.argv);
  });
}

for (const everyMs of [420_000, 5_400_000, 30_000, 172_800_000]) {
  test(`cron can't do every ${everyMs} ms, and says what it can`, () => {
    expect(() => crontabEntry({ ...job, everyMs })).toThrow(/^cron can't run a command every /);
  });
}

test("an entry replaces itself and leaves the other lines of a crontab alone", () => {
  const others = "MAILTO=me\n0 1 * * * backup\n";
  const once = withEntry(others, job);
  expect(once).toBe(others + crontabEntry(job));
  expect(withEntry(once, job)).toBe(once);
  const later = withEntry(`${once}5 * * * * last\n`, { ...job, everyMs: 3_600_000 });
  expect(later).toBe(`${others}${crontabEntry({ ...job, everyMs: 3_600_000 })}5 * * * * last\n`);
  expect(withEntry("", job)).toBe(crontabEntry(job));
  const { remove } = planSchedule("cron", job, home);
  const sed = remove.replace(/^crontab -l \| /, "").replace(/ \| crontab -$/, "");
  expect(spawnSync("/bin/sh", ["-c", sed], { input: once, encoding: "utf8" }).stdout).toBe(others);
});

test("the launchd agent has the arguments one by one", () => {
  const { files, remove } = planSchedule("launchd", job, home);
  const [{ path = "", content = "" } = {}] = files;
  expect(path).toBe("/home/u/Library/LaunchAgents/dev.promferry.promferry-upload-k1.plist");
  expect(content).toContain("<string>/d/a b/it's &quot;50%&quot; $HOME &amp; &lt;x&gt;\\</string>");
  expect(content).toContain("<key>StartInterval</key>\n  <integer>900</integer>");
  expect(remove).toBe(`launchctl bootout gui/501/dev.promferry.promferry-upload-k1; rm ${path}`);
});

test("the Windows task quotes its arguments as programs there read them", () => {
  const [{ content = "", encoding } = {}] = planSchedule("task", job, home).files;
  expect(encoding).toBe("utf16le");
  expect(content).toContain("<Command>/usr/bin/env</Command>\r\n");
  expect(content).toContain(
    `<Arguments>upload-metrics --dir &quot;/d/a b/it's \\&quot;50%\\&quot; $HOME &amp; &lt;x&gt;\\\\&quot;</Arguments>`,
  );
  expect(content).toContain("<Interval>PT15M</Interval>");
});

/** A folder of programs that only note how they were called; `crontab` keeps one as the real one does. */
function fakeTools(fails = "") {
  const folder = temporaryFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const tool = (name: string, body: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  for (const name of ["systemctl", "launchctl", "schtasks"]) tool(name, fails);
  tool(
    "crontab",
    `if [ "$1" = -l ]; then
  [ -e "${folder}/tab" ] && exec cat "${folder}/tab"
  echo "no crontab for $USER" >&2; exit 1
fi
cat "$1" > "${folder}/tab"`,
  );
  const env = { PATH: `${bin}:/usr/bin:/bin` };
  const options = { home: folder, env, uid: 501, cwd: folder, signal: new AbortController().signal };
  return { folder, options, calls: () => readFileSync(join(folder, "calls"), "utf8").trim().split("\n") };
}

for (const { kind, file, calls } of [
  {
    kind: "systemd",
    file: ".config/systemd/user/promferry-upload-k1.timer",
    calls: ["systemctl --user daemon-reload", "systemctl --user enable --now promferry-upload-k1.timer"],
  },
  {
    kind: "launchd",
    file: "Library/LaunchAgents/dev.promferry.promferry-upload-k1.plist",
    calls: [/^launchctl bootout gui\/501\//, /^launchctl bootstrap gui\/501 .*k1\.plist$/],
  },
  {
    kind: "task",
    file: ".promferry/promferry-upload-k1.xml",
    calls: [/^schtasks \/Create \/F \/TN promferry-upload-k1 \/XML /],
  },
] as const) {
  test(`${kind} is installed for the user and started; again changes no file`, async () => {
    const tools = fakeTools();
    const written = await installSchedule(kind as ScheduleKind, job, tools.options);
    expect(written).toContain(join(tools.folder, file));
    expect(tools.calls()).toEqual(
      calls.map((call) => (typeof call === "string" ? call : expect.stringMatching(call))),
    );
    expect(await installSchedule(kind as ScheduleKind, job, tools.options)).toEqual([]);
    expect(
      await installSchedule(kind as ScheduleKind, { ...job, everyMs: 3_600_000 }, tools.options),
    ).toHaveLength(1);
    expect(readdirSync(join(tools.folder, file, ".."))).toHaveLength(kind === "systemd" ? 2 : 1);
  });
}

test("cron gets the user's crontab back with one entry more, however often", async () => {
  const tools = fakeTools();
  expect(await installSchedule("cron", job, tools.options)).toEqual(["crontab"]);
  expect(readFileSync(join(tools.folder, "tab"), "utf8")).toBe(crontabEntry(job));
  writeFileSync(join(tools.folder, "tab"), `0 1 * * * backup\n${crontabEntry(job)}`);
  expect(await installSchedule("cron", job, tools.options)).toEqual([]);
  await installSchedule("cron", { ...job, everyMs: 3_600_000 }, tools.options);
  expect(readFileSync(join(tools.folder, "tab"), "utf8")).toBe(
    `0 1 * * * backup\n${crontabEntry({ ...job, everyMs: 3_600_000 })}`,
  );
});

test("a crontab that can't be read is not written", async () => {
  const tools = fakeTools();
  writeFileSync(join(tools.folder, "bin", "crontab"), "#!/bin/sh\necho 'not allowed' >&2\nexit 1\n");
  await expect(installSchedule("cron", job, tools.options)).rejects.toMatchObject({
    exitCode: 74,
    message: "`crontab -l` ended with 1: not allowed",
  });
});

for (const { name, fails, path, says } of [
  {
    name: "refuses",
    fails: "echo 'Failed to connect to bus' >&2; exit 1",
    path: undefined,
    says: /ended with 1: Failed to connect to bus$/,
  },
  { name: "is not there", fails: "", path: "/nowhere", says: /can't be started: .*ENOENT/ },
]) {
  test(`where the service manager ${name} it is exit 74, and says what to run by hand`, async () => {
    const { options } = fakeTools(fails);
    const env = path === undefined ? options.env : { PATH: path };
    await expect(installSchedule("systemd", job, { ...options, env })).rejects.toMatchObject({
      exitCode: 74,
      message: expect.stringMatching(says),
      hint: expect.stringContaining("run it by hand"),
    });
  });
}
