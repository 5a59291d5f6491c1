import type { UploadTarget } from "@promferry/uploader";
import { CliError } from "../cli-error.ts";
import type { Settings } from "../config/load-config.ts";
import type { DestinationConfig } from "../config/schema.ts";
import type { Context } from "../context.ts";
import { prepareTarget } from "./prepare-target.ts";

/**
 * Destinations that nothing is sent to, and that may still need a day before it goes. Where one of them can't be put
 * together, `skipped` says why: then nobody knows what it needs.
 */
export async function retainedTargets(
  context: Context,
  settings: Settings,
  configs: readonly DestinationConfig[],
): Promise<{ targets: readonly UploadTarget[]; skipped: CliError | undefined }> {
  const targets: UploadTarget[] = [];
  try {
    for (const config of configs) {
      const purpose = { dryRun: true, secrets: new Map<string, Promise<string>>() };
      targets.push((await prepareTarget(context, settings, config, purpose)).target);
    }
    return { targets, skipped: undefined };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { targets: [], skipped: error };
  }
}
