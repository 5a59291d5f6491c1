/** A number with its word, for people: `1 frame`, `1,204 frames`. */
export function count(number: number, word: string): string {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}
