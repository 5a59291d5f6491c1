import { readFileSync, statSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { delimiter, join } from "node:path";

export interface OwnNamesOptions {
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default the user's. */
  readonly home?: string;
  /** Default the machine's. */
  readonly hostname?: string;
  /** Default who runs this. */
  readonly username?: string;
}

/** Shorter names stand in too many words. */
const LEAST_LENGTH = 3;
/** The largest kube-config that is read, in bytes. */
const MAX_BYTES = 1024 * 1024;

/** Names that half the world's machines have say nothing about this one. */
const COMMON = new Set(
  (
    "admin administrator app build ci cluster container default dev docker docker-desktop ec2-user guest home host " +
    "jenkins kind kubernetes local localhost main master minikube node nodes none nobody other pod pods root runner " +
    "server service system test ubuntu user username vagrant"
  ).split(" "),
);

/**
 * What this machine and its user are called: host name, with and without domain, user name, and the clusters,
 * contexts and users of the kube-config. For comparing; whoever keeps them has what they were to keep from others.
 * What can't be read is left out. Without names of one or two letters, and without those that say nothing (`root`,
 * `default`, `minikube`).
 */
export function ownNames(options: OwnNamesOptions = {}): readonly string[] {
  const { env = process.env, home = homedir(), hostname: host = hostname() } = options;
  const kubeConfigs = (env["KUBECONFIG"] || join(home, ".kube", "config")).split(delimiter);
  const names = [
    host,
    host.split(".")[0]!,
    options.username ?? currentUser(env),
    ...kubeConfigs.flatMap((path) => kubeNames(path)),
  ];
  const telling = names.filter((name) => name.length >= LEAST_LENGTH && !COMMON.has(name.toLowerCase()));
  return [...new Set(telling)];
}

function currentUser(env: Readonly<Record<string, string | undefined>>): string {
  try {
    return userInfo().username;
  } catch {
    return env["USER"] ?? env["USERNAME"] ?? "";
  }
}

/** Read line by line: its keys are all that matters, and a YAML parser would be more than the rest of this package. */
function kubeNames(path: string): string[] {
  let text: string;
  try {
    if (path === "" || statSync(path).size > MAX_BYTES) return [];
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [, value = ""] = /^[ -]*(?:name|current-context|cluster|user): *([^{]*)$/.exec(line) ?? [];
    const name = value.trim().replace(/^["']|["']$/g, "");
    return name === "" ? [] : [name];
  });
}
