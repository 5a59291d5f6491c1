const decimal = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i;
const infinity = /^[+-]?inf(?:inity)?$/i;
const notANumber = /^nan$/i;

/**
 * The number that both text formats and their Go readers see in `text`; undefined where they refuse
 * it: hexadecimal, underscores, a sign before NaN, anything beyond the range of a double.
 *
 * @see OpenMetrics 1.0, ABNF `number`
 */
export function parseNumber(text: string): number | undefined {
  if (decimal.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  if (infinity.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return notANumber.test(text) ? NaN : undefined;
}

const integer = /^[+-]?[0-9]+$/;

/**
 * A decimal integer of 64 bits, as a double: beyond 2^53 the nearest one. Undefined where it is none
 * or too large.
 */
export function parseInt64(text: string): number | undefined {
  if (!integer.test(text)) return undefined;
  const value = Number(text);
  if (Math.abs(value) !== 2 ** 63) return Math.abs(value) < 2 ** 63 ? value : undefined;
  // The double is on the bound, so the digits decide; without leading zeros there are 19 of them.
  const digits = BigInt(text.replace(/^[+-]?0*/, ""));
  return digits < 2n ** 63n + (value < 0 ? 1n : 0n) ? value : undefined;
}

/** The shortest decimal that reads back as the same double; `+Inf`, `-Inf`, `NaN`, and `-0` keeps its sign. */
export function formatValue(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

/**
 * As {@link formatValue}, in the rendering for `le` and `quantile`: `1.0`, `0.005`, `1e+06`, `1e-05`.
 * It is what Prometheus stores for a scraped histogram, however the page spells the number.
 *
 * @see OpenMetrics 1.0, "Considerations: Canonical Numbers"
 */
export function formatCanonical(value: number): string {
  if (!Number.isFinite(value)) return formatValue(value);
  if (value === 0) return "0.0";
  const [mantissa = "", power = "0"] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 6) {
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const plain = String(value);
  return plain.includes(".") ? plain : `${plain}.0`;
}
