/**
 * A template with the groups of a match put in: `$1`, `$name`, `${1}`, `${name}`; `$$` is a dollar. The
 * name is as long as it can be (`$1x` is the group `1x`), a group that isn't there is empty, and a dollar
 * that begins none of these stands for itself.
 *
 * @see https://pkg.go.dev/regexp#Regexp.Expand
 */
export function expandTemplate(template: string, match: RegExpMatchArray): string {
  return template.replace(
    /\$(?:\$|\{([\p{L}\p{N}_]+)\}|([\p{L}\p{N}_]+))/gu,
    (_, braced: string | undefined, bare: string | undefined) => {
      const name = braced ?? bare;
      if (name === undefined) return "$";
      if (/^(?:0|[1-9][0-9]*)$/.test(name)) return match[Number(name)] ?? "";
      return match.groups?.[name] ?? "";
    },
  );
}
