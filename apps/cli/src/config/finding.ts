import type { ConfigPath } from "./positions.ts";

/** Something to say about one place of the file. */
export interface Finding {
  readonly severity: "error" | "warning";
  /** Whether the key or its value is to be shown. */
  readonly at: "key" | "value";
  readonly path: ConfigPath;
  readonly message: string;
  /** Set on a warning about something that this version does not do yet. */
  readonly absent?: true;
}

export function errorAt(path: ConfigPath, message: string): Finding {
  return { severity: "error", at: "value", path, message };
}

/** Something that the file asks for and this version does not do yet. */
export function absentAt(path: ConfigPath, message: string): Finding {
  return { ...warningAt(path, message), absent: true };
}

export function warningAt(path: ConfigPath, message: string): Finding {
  return { severity: "warning", at: "value", path, message };
}
