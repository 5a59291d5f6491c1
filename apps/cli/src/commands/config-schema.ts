import { configJsonSchema } from "../config/schema.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

export async function configSchema({ out }: Context): Promise<ExitCode> {
  await out.data(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  return EXIT.ok;
}
