import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Settings, SettingsError, settle } from "./settings.ts";

/**
 * Reads the configuration: the file of `--config`, else of `PROMFERRY_TARGETS_CONFIG`, else none.
 *
 * @throws {SettingsError}
 */
export async function loadSettings(flag: string | undefined, env: NodeJS.ProcessEnv): Promise<Settings> {
  const named = flag ?? (env["PROMFERRY_TARGETS_CONFIG"] || undefined);
  if (named === undefined) return settle({ env });
  const path = resolve(named);
  try {
    return settle({ file: { path, text: await readFile(path, "utf8") }, env });
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    throw new SettingsError(`${path} can't be read: ${(error as Error).message}`);
  }
}
