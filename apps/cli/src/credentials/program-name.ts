import type { CommandLine } from "../config/schema.ts";

/** The program alone, at most 80 characters of it: arguments may hold secrets. */
export function programName(command: CommandLine): string {
  const name = typeof command === "string" ? (command.trim().split(/\s+/)[0] ?? "") : command[0]!;
  // `TOKEN=abc program` names a variable first, with its value.
  return name.includes("=") ? `${name.slice(0, name.indexOf("="))}=…` : name.slice(0, 80);
}
