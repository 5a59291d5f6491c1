import type { FindingKind } from "./finding.ts";

/** Where a pattern is tried. Each is anchored there, so that none is searched for. */
export type PatternPlace =
  /** A letter or digit behind something else. */
  | "word"
  /** A letter or digit behind none, and no dot or dash either. */
  | "dotted_word"
  | "at_sign"
  | "colon"
  | "slash"
  | "backslash"
  | "dash";

export interface Pattern {
  readonly kind: FindingKind;
  /** What it is meant for. */
  readonly name: string;
  readonly place: PatternPlace;
  /** Matches where the text begins with it. */
  readonly regex: RegExp;
  /** The fewest characters that can match. */
  readonly least: number;
}

const KUBE_SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]";
const OCTET = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
const DOMAIN = "[A-Za-z0-9\\u00a1-\\uffff-]";

/**
 * What is looked for. Anchored, without nested repetition, and each linear in what it reads; a test holds them to
 * that with a checker of regular expressions. Key prefixes are those that the issuers document for their scanners'
 * sake; what has no prefix, as AWS' secret keys, can't be told from any other word.
 */
export const PATTERNS: readonly Pattern[] = [
  pattern("email", "e-mail", "at_sign", `@(?:${DOMAIN}+\\.)+[A-Za-z\\u00a1-\\uffff]{2}`, 5),
  pattern("ip", "IPv4", "word", `${OCTET}(?:\\.${OCTET}){3}(?![0-9]|\\.[0-9])`, 7),
  pattern("ip", "AWS host name", "word", "ip(?:-[0-9]{1,3}){4}(?![0-9A-Za-z-])", 10),
  pattern("mac", "MAC", "word", "[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f])", 17),
  pattern(
    "uuid",
    "UUID",
    "word",
    "[0-9A-Fa-f]{8}(?:[-_][0-9A-Fa-f]{4}){3}[-_][0-9A-Fa-f]{12}(?![0-9A-Fa-f])",
    36,
  ),
  pattern("jwt", "JWT", "word", "eyJ[A-Za-z0-9_-]{10}", 13),
  pattern("pem", "PEM", "dash", "-----BEGIN [A-Z]", 12),
  pattern("url_credentials", "URL with user info", "colon", "://[^\\s/?#@]+@", 5),
  pattern(
    "home_path",
    "home folder",
    "slash",
    "/(?:(?:export|usr|var|data|mnt(?:/[a-z])?)/)?(?:home|Users)/[^/\\s]",
    7,
  ),
  pattern(
    "home_path",
    "home folder of Windows",
    "backslash",
    "\\\\{1,2}(?:[Uu]sers|[Dd]ocuments and [Ss]ettings)\\\\{1,2}[^\\\\\\s]",
    8,
  ),
  pattern(
    "pod_name",
    "pod of a Deployment or Job",
    "dotted_word",
    `[a-z0-9](?:[a-z0-9.]*-)+(?:[0-9]{8,10}|${KUBE_SUFFIX}{6,10})-${KUBE_SUFFIX}{5}(?![a-z0-9-]|\\.[a-z0-9])`,
    14,
  ),
  pattern(
    "pod_name",
    "pod of a DaemonSet",
    "dotted_word",
    `[a-z0-9](?:[a-z0-9.]*-)+(?=[a-z]{0,4}[0-9])${KUBE_SUFFIX}{5}(?![a-z0-9-]|\\.[a-z0-9])`,
    7,
  ),
  key("AWS access key", "(?:AKIA|ASIA|AROA|AIDA|AGPA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}", 20),
  key("GitHub token", "gh[pousr]_[A-Za-z0-9]{20}", 24),
  key("GitHub fine-grained token", "github_pat_[A-Za-z0-9_]{20}", 31),
  key("GitLab token", "gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-[A-Za-z0-9_-]{16}", 21),
  key("Slack token", "xox[abeoprs]-[A-Za-z0-9-]{10}", 15),
  key("Slack app token", "xapp-[0-9]-[A-Za-z0-9-]{10}", 17),
  key("Slack webhook", "hooks\\.slack\\.com/(?:services|workflows)/[A-Za-z0-9]", 26),
  key("Google API key", "AIza[A-Za-z0-9_-]{35}", 39),
  key("Google OAuth token", "ya29\\.[A-Za-z0-9_-]{20}", 25),
  key("Google client secret", "GOCSPX-[A-Za-z0-9_-]{20}", 27),
  key("Stripe key", "(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16}", 24),
  key("Stripe webhook secret", "whsec_[A-Za-z0-9]{24}", 30),
  key("npm token", "npm_[A-Za-z0-9]{36}", 40),
  key("PyPI token", "pypi-[A-Za-z0-9_-]{32}", 37),
  key("SendGrid key", "SG\\.[A-Za-z0-9_-]{16,22}\\.[A-Za-z0-9_-]{16}", 36),
  key("Twilio key", "(?:AC|SK)[0-9a-f]{32}", 34),
  key("OpenAI or Anthropic key", "sk-[A-Za-z0-9_-]{20}", 23),
  key("Hugging Face token", "hf_[A-Za-z0-9]{30}", 33),
  key("HashiCorp Vault token", "hv[bsr]\\.[A-Za-z0-9_-]{24}", 28),
  key("DigitalOcean token", "do[opr]_v1_[0-9a-f]{32}", 39),
  key("Docker token", "dckr_(?:pat|oat)_[A-Za-z0-9_-]{20}", 29),
  key("Grafana token", "gl(?:sa|c)_[A-Za-z0-9+/=]{20}", 24),
  key("Shopify token", "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", 38),
];

function pattern(
  kind: FindingKind,
  name: string,
  place: PatternPlace,
  source: string,
  least: number,
): Pattern {
  return { kind, name, place, regex: new RegExp(source, "y"), least };
}

function key(name: string, source: string, least: number): Pattern {
  return pattern("key", name, "word", source, least);
}
