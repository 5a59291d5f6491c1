import { COMPLETION_SCRIPTS, type Shell } from "../completion/scripts.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

export async function completion(
  { out }: Context,
  _options: unknown,
  [shell]: readonly string[],
): Promise<ExitCode> {
  await out.data(COMPLETION_SCRIPTS[shell as Shell]);
  return EXIT.ok;
}
