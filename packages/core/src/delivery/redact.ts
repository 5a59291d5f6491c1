/** Values of headers and queries that are shorter than this are taken for names, not secrets. */
const SHORTEST_SECRET = 8;

/**
 * Takes secrets out of foreign text: the credential, whole and in its parts (the token, or the user
 * name and password that Basic packs), the values of custom headers, and the query of the address, whole and in
 * its values.
 */
export function createRedactor(
  authorization: string | undefined,
  headers: Readonly<Record<string, string>> = {},
  query: URLSearchParams = new URLSearchParams(),
): (text: string) => string {
  const said = [...Object.values(headers), String(query), ...query.values()];
  const secrets = said.flatMap((value) =>
    value.length < SHORTEST_SECRET ? [] : [value, encodeURIComponent(value)],
  );
  if (authorization !== undefined) secrets.push(...credentialParts(authorization));
  // The longest first, or a part of it would break the whole.
  const ordered = [...new Set(secrets)].filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
  return (text) => {
    let redacted = text;
    for (const secret of ordered) redacted = redacted.replaceAll(secret, "[redacted]");
    return redacted;
  };
}

function credentialParts(authorization: string): string[] {
  const space = authorization.indexOf(" ");
  const token = authorization.slice(space + 1).trim();
  if (!/^basic /i.test(authorization)) return [authorization, token];
  const pair = Buffer.from(token, "base64").toString("utf8");
  return [authorization, token, pair, pair.slice(pair.indexOf(":") + 1)];
}
