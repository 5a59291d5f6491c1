const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** A number of bytes with a unit, for example `256MiB`. */
export const BYTE_SIZE_PATTERN: RegExp = /^(\d+(?:\.\d+)?) ?(B|KB|MB|GB|KiB|MiB|GiB)$/;

/** Bytes of a size such as `256MiB` or `1.5 GB`; `undefined` where the text is none. */
export function parseByteSize(text: string): number | undefined {
  const match = BYTE_SIZE_PATTERN.exec(text);
  return match ? Math.round(Number(match[1]) * UNITS[match[2]!]!) : undefined;
}

/** A size for people, in binary units: `1.5 MiB`. */
export function formatByteSize(bytes: number): string {
  let value = bytes;
  let unit = "B";
  for (const next of ["KiB", "MiB", "GiB"]) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${unit === "B" ? value : value.toFixed(1)} ${unit}`;
}
