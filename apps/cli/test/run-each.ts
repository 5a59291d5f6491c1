/** Runs command lines, a JSON list of them as its argument, one after the other in this process; prints what each ended with. */
import { run } from "../src/run.ts";

const home = process.cwd();
const results: { argv: readonly string[]; exitCode: number; text: string }[] = [];
for (const argv of JSON.parse(process.argv[2]!) as string[][]) {
  let text = "";
  const write = (more: string) => {
    text += more;
    return true;
  };
  const sink = { write, drained: async () => {}, isTerminal: false };
  const exitCode = await run(argv, {
    stdout: sink,
    stderr: sink,
    stdin: (async function* () {})(),
    interactive: false,
    env: { HOME: home },
    cwd: home,
    home,
    signal: new AbortController().signal,
    onHangup: () => () => {},
    now: Date.now,
  });
  results.push({ argv, exitCode, text: text.slice(0, 2000) });
}
process.stdout.write(JSON.stringify(results));
