/** Header values shorter than this are taken for names, not secrets. */
const SHORTEST_SECRET_HEADER = 8;

/**
 * Takes secrets out of foreign text: the credential, whole and in its parts (the token, or the user
 * name and password that Basic packs), and the values of custom headers.
 */
export function createRedactor(
  authorization: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): (text: string) => string {
  const secrets = Object.values(headers).filter((value) => value.length >= SHORTEST_SECRET_HEADER);
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
