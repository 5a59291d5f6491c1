#!/usr/bin/env node
import { once } from "node:events";
import { homedir } from "node:os";
import { resolve } from "node:path";
import type { WriteStream } from "node:tty";
import { fileURLToPath } from "node:url";
import { EXIT } from "./exit-codes.ts";
import { StopSignal, type TextSink } from "./io.ts";
import { run } from "./run.ts";

const stopping = new AbortController();
let onHangup: (() => void) | undefined;
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    if (name === "SIGHUP" && onHangup) return onHangup();
    const exitCode = name === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    if (stopping.signal.aborted) process.exit(exitCode);
    if (process.stderr.isTTY) process.stderr.write("\nstopping; press Ctrl-C again to stop at once\n");
    stopping.abort(new StopSignal(name === "SIGINT" ? name : "SIGTERM"));
  });
}
// A reader that has seen enough, as in `promferry export | head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  process.stderr.write(`promferry: standard output can't be written (${error.code ?? error.message})\n`);
  process.exit(EXIT.io);
});
// Messages that nobody reads any more are no reason to end what is under way, as an agent whose log was closed.
process.stderr.on("error", () => {});

process.exitCode = await run(process.argv.slice(2), {
  stdout: sink(process.stdout),
  stderr: sink(process.stderr),
  stdin: process.stdin,
  interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  env: process.env,
  cwd: whereTheUserStands(),
  home: homedir(),
  signal: stopping.signal,
  onHangup(handler) {
    onHangup = handler;
    return () => {
      onHangup = undefined;
    };
  },
  now: Date.now,
});
// A question that Ctrl-C left unanswered would keep the process waiting for its answer.
process.stdin.destroy();

/**
 * Started by `pnpm --filter cli start`, a program runs in its package's folder, and INIT_CWD says where the user stood.
 * Whatever a script starts inherits INIT_CWD, so it says nothing anywhere else.
 */
function whereTheUserStands(): string {
  const own = resolve(fileURLToPath(new URL("..", import.meta.url)));
  try {
    const here = process.cwd();
    return here === own ? (process.env["INIT_CWD"] ?? here) : here;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    process.stderr.write(
      `promferry: the folder that you stand in can't be used (${code})\n  go to another one\n`,
    );
    process.exit(EXIT.io);
  }
}

function sink(stream: WriteStream): TextSink {
  return {
    write: (text) => stream.write(text),
    drained: async () => void (await once(stream, "drain")),
    isTerminal: stream.isTTY === true,
    columns: () => stream.columns,
  };
}
