import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGENT_SCRIPT } from "@promferry/target-registry/cloud-init";
import type { TestContext } from "vitest";
import { type ProgramResult, startProgram } from "../harness/index.ts";

export interface Machine {
  readonly textfile: string;
  run(...args: readonly string[]): Promise<ProgramResult>;
  giveToken(text: string): void;
  /** From now on systemd says that the machine is on its way to poweroff. */
  powerOff(): void;
  /** The next heartbeat is due at once. */
  due(): void;
  has(path: string): boolean;
}

/** A machine in one folder that runs the real agent. */
export async function machine(
  context: Pick<TestContext, "onTestFinished">,
  shell: string,
  settings: Readonly<Record<string, string>>,
): Promise<Machine> {
  const dir = await mkdtemp(join(tmpdir(), "target-machine-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const [bin, state, runDir, textfile] = ["bin", "state", "run", "textfile"].map((name) => join(dir, name));
  for (const folder of [bin, state, runDir, textfile]) mkdirSync(folder!);
  writeFileSync(join(dir, "agent"), AGENT_SCRIPT);
  const all = {
    ENDPOINTS: "node:9100",
    STATE_DIR: state!,
    RUN_DIR: runDir!,
    TEXTFILE_DIR: textfile!,
    ...settings,
  };
  writeFileSync(
    join(dir, "agent.conf"),
    Object.entries(all)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(""),
  );
  const stub = (name: string, script: string): void => {
    writeFileSync(join(bin!, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin!, name), 0o755);
  };
  stub("systemctl", "exit 0");
  return {
    textfile: textfile!,
    async run(...args) {
      const env = { PATH: `${bin}:${process.env["PATH"]}`, PROMFERRY_CONFIG: join(dir, "agent.conf") };
      return (await startProgram(shell, [join(dir, "agent"), ...args], { env })).done;
    },
    giveToken: (text) => writeFileSync(join(state!, "join-token"), `${text}\n`, { mode: 0o600 }),
    powerOff: () => stub("systemctl", '[ "$1" = list-jobs ] && echo " 12 poweroff.target start waiting"'),
    due: () => writeFileSync(join(runDir!, "due"), "0\n"),
    has: (path) => existsSync(join(dir, path)),
  };
}
