import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { CliError } from "../cli-error.ts";
import { configFile } from "../config/load-config.ts";
import { CONFIG_TEMPLATE } from "../config/template.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

/** Exit 78 where a file is there already: it is left as it is. */
export async function configInit(
  { out, source }: Context,
  { print }: { readonly print?: boolean },
): Promise<ExitCode> {
  if (print) {
    await out.data(CONFIG_TEMPLATE);
    return EXIT.ok;
  }
  const { file } = configFile(source);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await writeFile(file, CONFIG_TEMPLATE, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new CliError(EXIT.config, `${file} is there already and stays as it is`, {
      hint: "`promferry config init --print` shows the commented one, --config names another place",
    });
  }
  out.line(`wrote ${file}`);
  out.line("  add a destination there, then `promferry config check`");
  out.json({ file });
  return EXIT.ok;
}
