import { consentIn, type DirectoryConsent } from "@promferry/privacy";
import type { Settings } from "../config/load-config.ts";
import type { Context } from "../context.ts";

/** What holds for the program whose journal this is, as far as this command line can know. */
export function consentOf(
  { io }: Context,
  { app, dir, metrics }: Pick<Settings, "app" | "dir" | "metrics">,
  flag = false,
): DirectoryConsent {
  const { enabled } = metrics;
  return consentIn(dir, { app, env: io.env, flag, config: enabled === undefined ? {} : { enabled } });
}
