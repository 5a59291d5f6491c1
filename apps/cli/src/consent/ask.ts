import { mayAsk } from "@promferry/privacy";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";

/**
 * Asks for a yes at the terminal. Anything but `y` or `yes` is a no.
 *
 * @throws {CliError} Exit 2 where nobody can answer: without a terminal on both ends, in continuous integration,
 *   or under `--json`.
 * @throws The reason of the run's signal, when Ctrl-C is the answer.
 */
export async function askYes({ io, out }: Context, question: string): Promise<boolean> {
  const verdict = out.isJson
    ? "--json leaves standard output to machines"
    : mayAsk({ env: io.env, inputIsTerminal: io.interactive, outputIsTerminal: io.stdout.isTerminal });
  if (verdict !== true) {
    throw new CliError(EXIT.usage, `this has to be asked, and ${verdict}`, {
      hint: "say --yes to agree without being asked",
    });
  }
  io.stderr.write(`${question} [y/N] `);
  const answer = await Promise.race([firstLine(io.stdin), aborted(io.signal)]);
  return /^\s*y(es)?\s*$/i.test(answer);
}

async function firstLine(input: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of input) {
    text += Buffer.from(chunk).toString("utf8");
    if (text.includes("\n") || text.length > 1000) break;
  }
  return text.split("\n")[0]!;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
