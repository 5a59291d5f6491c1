/**
 * First lines that cloud-init knows, longest first as it tries them, after leading white space and in any case.
 *
 * @see cloud-init 26.2, handlers.INCLUSION_TYPES_MAP and type_from_starts_with
 */
const STARTS: readonly (readonly [string, string])[] = [
  ["#cloud-config-archive", "text/cloud-config-archive"],
  ["#cloud-config-jsonp", "text/cloud-config-jsonp"],
  ["## template: jinja", "text/jinja2"],
  ["#cloud-boothook", "text/cloud-boothook"],
  ["#cloud-config", "text/cloud-config"],
  ["#include-once", "text/x-include-once-url"],
  ["#part-handler", "text/part-handler"],
  ["#include", "text/x-include-url"],
  ["#!", "text/x-shellscript"],
];

/** The type that cloud-init gives to user data by its first line; undefined: it would ignore it. */
export function partType(text: string): string | undefined {
  // Its decoder leaves a byte order mark in place, and no first line begins with one.
  const start = text
    .slice(0, 4096)
    .replace(/^[ \t\r\n\f\v]+/, "")
    .toLowerCase();
  return STARTS.find(([prefix]) => start.startsWith(prefix))?.[1];
}
