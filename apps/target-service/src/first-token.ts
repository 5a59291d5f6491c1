import { access, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addToken, mintToken } from "./auth/token-file.ts";

/** Where a token went that was made for whoever starts the service first. */
export interface FirstToken {
  readonly text: string;
  /** The file that it was written to, 0600; undefined: it is to be shown on the terminal. */
  readonly file: string | undefined;
}

/**
 * Makes the token file with a platform's token, where there is none.
 *
 * @param terminal Whether a person reads what the service prints. Where not, what it prints is kept by somebody: the
 *   token goes to a file then.
 * @returns Undefined when there is a token file.
 */
export async function makeFirstToken(
  tokensFile: string,
  dataDir: string,
  terminal: boolean,
): Promise<FirstToken | undefined> {
  if (await exists(tokensFile)) return undefined;
  const { text, lines } = mintToken({ role: "platform", name: "first" });
  const file = terminal ? undefined : join(dataDir, "first-platform-token");
  // Before the token counts: what can't be handed out must not be the only key.
  if (file !== undefined) {
    await rm(file, { force: true });
    await writeFile(file, `${text}\n`, { mode: 0o600, flag: "wx" });
  }
  await addToken(tokensFile, lines);
  return { text, file };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** A line to try, which shows no token where that is in a file. */
export function tryLine(url: string, { text, file }: FirstToken): string {
  const bearer = file === undefined ? text : `$(cat '${file.replaceAll("'", "'\\''")}')`;
  const body = '{"project":"demo","service":"web","ranges":["10.0.0.0/8"],"endpoints":["node"]}';
  return `curl -s ${url}/v1/join-tokens -H "Authorization: Bearer ${bearer}" -H 'Content-Type: application/json' -d '${body}'`;
}
