import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTokenFile, mintToken } from "./auth/token-file.ts";

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
  const { text, lines } = mintToken({ role: "platform", name: "first" });
  try {
    await createTokenFile(tokensFile, lines);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
  if (terminal) return { text, file: undefined };
  const file = join(dataDir, "first-platform-token");
  await writeFile(file, `${text}\n`, { mode: 0o600, flag: "wx" });
  return { text, file };
}

/** A line to try, which shows no token where that is in a file. */
export function tryLine(url: string, { text, file }: FirstToken): string {
  const bearer = file === undefined ? text : `$(cat ${file})`;
  const body = '{"project":"demo","service":"web","ranges":["10.0.0.0/8"],"endpoints":["node"]}';
  return `curl -s ${url}/v1/join-tokens -H "Authorization: Bearer ${bearer}" -H 'Content-Type: application/json' -d '${body}'`;
}
