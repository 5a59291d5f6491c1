import { type ChildProcess, spawn } from "node:child_process";
import { onTestFinished } from "vitest";

export interface TerminalOptions {
  readonly dir: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How long `shows` waits, in milliseconds. Default 20 000. */
  readonly timeoutMs?: number;
}

export interface Terminal {
  /** Sends keys; a line feed is Enter, `\u0003` is Ctrl-C. */
  type(keys: string): void;
  /** Waits until it has printed this, after what was waited for before; resolves to what stood in between. */
  shows(expected: string): Promise<string>;
}

/** A shell at a terminal of its own, for the time of a test: `script` gives it one. What is typed is echoed. */
export function atTerminal(argv: readonly string[], options: TerminalOptions): Terminal {
  const { dir, env, timeoutMs = 20_000 } = options;
  const command = argv.map((word) => `'${word}'`).join(" ");
  const child: ChildProcess = spawn("script", ["-qfec", command, "/dev/null"], {
    cwd: dir,
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    const closed = new Promise((resolve) => child.once("close", resolve));
    child.stdin?.end("\u0003\u0015exit\n");
    await closed;
  });
  let text = "";
  let wake = () => {};
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences of the terminal are what goes.
    text = (text + chunk).replace(/\u001b\[[0-9;?]*[A-Za-z]|[\u0007\r]/g, "");
    wake();
  });
  return {
    type: (keys) => void child.stdin?.write(keys),
    async shows(expected) {
      const deadline = AbortSignal.timeout(timeoutMs);
      while (!text.includes(expected)) {
        await new Promise<void>((resolve, reject) => {
          wake = resolve;
          deadline.addEventListener("abort", () => reject(new Error(`never showed ${expected}: ${text}`)));
        });
      }
      const end = text.indexOf(expected);
      const before = text.slice(0, end);
      text = text.slice(end + expected.length);
      return before;
    },
  };
}
