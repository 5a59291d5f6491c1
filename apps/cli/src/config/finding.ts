import type { ConfigPath } from "./positions.ts";

/** Something to say about one place of the file. */
export interface Finding {
  readonly severity: "error" | "warning";
  /** Whether the key or its value is to be shown. */
  readonly at: "key" | "value";
  readonly path: ConfigPath;
  readonly message: string;
}

export function errorAt(path: ConfigPath, message: string): Finding {
  return { severity: "error", at: "value", path, message };
}

export function warningAt(path: ConfigPath, message: string): Finding {
  return { severity: "warning", at: "value", path, message };
}
