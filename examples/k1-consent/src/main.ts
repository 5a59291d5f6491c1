import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { runK1 } from "./run-k1.ts";

process.exitCode = await runK1({
  // pnpm passes the `--` that separates its own flags on.
  argv: process.argv.slice(2).filter((word, i) => i > 0 || word !== "--"),
  dir: process.env["K1_DIR"] ?? join(homedir(), ".k1", "metrics"),
  env: process.env,
  print: (line) => console.log(line),
  async ask(question) {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await terminal.question(`${question} [y/N] `);
    } finally {
      terminal.close();
    }
  },
});
