import { AGENT_UNITS } from "./agent-units.ts";
import { DISTRIBUTIONS } from "./distribution.ts";
import { type PlanOptions, planInstance } from "./instance-plan.ts";

export interface ImageBuildOptions extends Omit<PlanOptions, "os"> {
  /** Only the Debian family. Default `"debian"`. */
  readonly os?: "debian" | "ubuntu";
}

/**
 * A shell script that makes an image join by itself: to be run as root in the machine the image is taken from.
 *
 * Its instances then need only `renderUserData({ prebuilt: true, … })`. Nothing secret is in it. With `ROOT=<folder>`
 * it writes and enables inside a folder instead (a mounted image) and leaves packages to whoever made that.
 *
 * @throws {UserDataError} ERR_USER_DATA_UNPINNED or ERR_USER_DATA_OPTION.
 */
export function renderImageBuildScript(options: ImageBuildOptions = {}): string {
  const { os = "debian" } = options;
  const plan = planInstance(os, DISTRIBUTIONS[os], { ...options, os });
  const files = plan.files.map(
    ({ path, mode, content }) =>
      `put ${mode} ${path} <<'PROMFERRY_END'\n${Buffer.from(content, "utf8")
        .toString("base64")
        .replace(/.{76}(?=.)/g, "$&\n")}\nPROMFERRY_END\n`,
  );
  const commands = plan.commands.map((argv) => `  ${argv.map((word) => `'${word}'`).join(" ")}\n`).join("");
  return `#!/bin/sh
# Prepares an image of the Debian family: agent, units and exporter. Run as root; ROOT=<folder> works on a mounted image.
set -eu
umask 022
ROOT=\${ROOT:-}

put() {
  mkdir -p "$ROOT\${2%/*}"
  base64 -d >"$ROOT$2.new"
  chmod "$1" "$ROOT$2.new"
  mv "$ROOT$2.new" "$ROOT$2"
}

${files.join("")}
if [ -z "$ROOT" ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install -y --no-install-recommends cloud-init ${plan.packages.join(" ")}
${commands}  systemctl daemon-reload || true
fi

# An instance that has no configuration yet starts none of them: the units ask for it.
systemctl \${ROOT:+"--root=$ROOT"} enable ${[...AGENT_UNITS, ...plan.services].join(" ")}

# Nothing of the machine that built the image may live on in its instances.
rm -rf "$ROOT/var/lib/promferry" "$ROOT/etc/promferry"
if [ -z "$ROOT" ]; then
  rm -f '${plan.textfileDir}/promferry.prom'
  cloud-init clean --logs --machine-id
  apt-get clean
fi
`;
}
