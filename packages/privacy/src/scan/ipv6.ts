/**
 * Whether a run of hexadecimal digits and colons is an IPv6 address (RFC 4291, 2.2, without the mixed form). Words
 * of letters alone, as in `abc::def`, are none.
 */
export function isIpv6(run: string): boolean {
  const halves = run.split("::");
  if (halves.length > 2 || !/[0-9A-Fa-f]/.test(run)) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  if (halves.length === 1) return groups.length === 8;
  return groups.length < 8 && (groups.length > 2 || /[0-9]/.test(run));
}
