/** With what can't be seen, or would command a terminal, by its number: `\u001b`, `\u{e0001}`. A plain space stays. */
export function showUnseen(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) => {
    const number = character.codePointAt(0)!.toString(16);
    return number.length > 4 ? `\\u{${number}}` : `\\u${number.padStart(4, "0")}`;
  });
}
