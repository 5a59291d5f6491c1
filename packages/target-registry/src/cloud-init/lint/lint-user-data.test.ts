import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { writeMultipart } from "../mime.ts";
import type { FindingCode } from "./finding.ts";
import { type LintOptions, lintUserData } from "./lint-user-data.ts";

interface Case {
  readonly name: string;
  /** `«` stands where a finding belongs, and is not part of the text. */
  readonly text: string;
  readonly codes: readonly FindingCode[];
  readonly options?: LintOptions;
}

const HEAD = "#cloud-config\n";
const PINNED = `nginx@sha256:${"0".repeat(64)}`;

/** Text without its marks, and their places as `line:column`. */
function marked(text: string): { readonly text: string; readonly places: readonly string[] } {
  const places: string[] = [];
  let plain = "";
  for (const [index, piece] of text.split("«").entries()) {
    if (index > 0) places.push(`${plain.split("\n").length}:${plain.length - plain.lastIndexOf("\n")}`);
    plain += piece;
  }
  return { text: plain, places };
}

function found(text: string | Uint8Array, options: LintOptions = {}): readonly string[] {
  return lintUserData(text, options).map(({ line, column, code }) => `${line}:${column} ${code}`);
}

const CASES: readonly Case[] = [
  {
    name: "a backslash at a line's end in a plain scalar, and the argument that it spoils",
    text: `${HEAD}runcmd:\n  - echo a ««\\\n      --net=host\n`,
    codes: ["argv-leading-space", "backslash-in-plain-scalar"],
  },
  {
    name: "a backslash at a line's end in single quotes",
    text: `${HEAD}write_files:\n  - path: /a\n    content: 'one «\\\n      two'\n`,
    codes: ["backslash-in-plain-scalar"],
  },
  {
    name: "a backslash at a line's end in a folded block",
    text: `${HEAD}final_message: >\n  one «\\\n  two\n`,
    codes: ["backslash-in-plain-scalar"],
  },
  {
    name: "an argument of a list that begins with a space",
    text: `${HEAD}runcmd:\n  - [docker, version, «" --all"]\n`,
    codes: ["argv-leading-space"],
  },
  {
    name: "an image without a digest, in a command's text",
    text: `${HEAD}runcmd:\n  - docker run -d -e A=b --name web --memory 64m «nginx:1.29 nginx -g x\n`,
    codes: ["unpinned-image"],
  },
  {
    name: "an image without a digest, in a list",
    text: `${HEAD}runcmd:\n  - [sudo, -E, /usr/bin/podman, pull, «quay.io/a/b]\n`,
    codes: ["unpinned-image"],
  },
  {
    name: "an image without a digest, in a unit that is written",
    text: `${HEAD}write_files:\n  - path: /etc/systemd/system/web.service\n    content: |\n      [Service]\n      ExecStart=/usr/bin/docker run --rm \\\n        «nginx\n`,
    codes: ["unpinned-image"],
  },
  {
    name: "an image without a digest, in a compose file that is written",
    text: `${HEAD}write_files:\n  - path: /opt/compose.yaml\n    content: |\n      services:\n        web:\n          image: «nginx:latest\n`,
    codes: ["unpinned-image"],
  },
  {
    name: "a download that goes into a shell",
    text: `${HEAD}runcmd:\n  - «curl -fsSL https://get.example.com | sudo -E sh -s -- --yes\n`,
    codes: ["pipe-to-shell"],
  },
  {
    name: "a download that goes into a shell by way of another program, in a block",
    text: `${HEAD}runcmd:\n  - |\n    set -e\n    «wget -qO- https://example.com/x.gz | gunzip | bash\n`,
    codes: ["pipe-to-shell"],
  },
  {
    name: "a download that a shell's argument list hands to a shell",
    text: `${HEAD}runcmd:\n  - [sh, -c, «"curl https://example.com | sh"]\n`,
    codes: ["pipe-to-shell"],
  },
  {
    name: "a download that is substituted into a shell's command",
    text: `#!/bin/bash\n«bash <(curl -s https://example.com)\n`,
    codes: ["pipe-to-shell"],
  },
  {
    name: "a password with a literal value",
    text: `${HEAD}users:\n  - name: ops\n    plain_text_passwd: «hunter2hunter2\n`,
    codes: ["secret-literal"],
  },
  {
    name: "a token in a script's variable",
    text: `#!/bin/sh\nexport API_TOKEN="«0123456789abcdef"\n`,
    codes: ["secret-literal"],
  },
  {
    name: "a private key",
    text: `${HEAD}write_files:\n  - path: /k\n    content: |\n      «-----BEGIN OPENSSH PRIVATE KEY-----\n`,
    codes: ["secret-literal"],
  },
  {
    name: "a cloud's access key",
    text: `${HEAD}runcmd:\n  - [aws, configure, set, id, «AKIAABCDEFGHIJKLMNOP]\n`,
    codes: ["secret-literal"],
  },
  { name: "indentation by tab", text: `${HEAD}runcmd:\n«\t- ls\n`, codes: ["tab-indentation"] },
  {
    name: "a cloud-config without its first line",
    text: `«packages:\n  - curl\n`,
    codes: ["missing-header"],
  },
  {
    name: "a first line with a space in it",
    text: `«# cloud-config\npackages: [curl]\n`,
    codes: ["missing-header"],
  },
  { name: "a byte order mark", text: `«\ufeff${HEAD}packages: [curl]\n`, codes: ["missing-header"] },
  { name: "text that says nothing of what it is", text: `«hello\n`, codes: ["missing-header"] },
  {
    name: "a raw size over the limit",
    text: `«#!/bin/sh\n#${"x".repeat(16 * 1024)}\n`,
    codes: ["over-limit"],
    options: { provider: "ec2" },
  },
  {
    name: "a size that is over the limit only after base64",
    text: `«#!/bin/sh\n#${"x".repeat(49_150)}\n`,
    codes: ["over-limit"],
    options: { provider: "nova" },
  },
  {
    name: "a variable that cloud-init does not have, and the minus that a hyphen becomes",
    text: `## template: jinja\n${HEAD}runcmd:\n  - [echo, '{{ «v1.hostnam }}', '{{ «v1.local-hostname }}', "{{ «region_name }}"]\n`,
    codes: ["unknown-jinja-variable", "unknown-jinja-variable", "unknown-jinja-variable"],
  },
  {
    name: "a package of another family",
    text: `${HEAD}packages:\n  - curl\n  - «docker.io\n  - [«iproute2, 6.1]\n`,
    codes: ["package-not-in-family", "package-not-in-family"],
    options: { os: "rocky" },
  },
  {
    name: "a mode without quotes",
    text: `${HEAD}write_files:\n  - {path: /a, permissions: «0600}\n  - path: /b\n    permissions: «384\n`,
    codes: ["unquoted-mode", "unquoted-mode"],
  },
  {
    name: "a port that is published on every interface, in each spelling",
    text: `${HEAD}runcmd:\n  - docker run «-p 80:80 «-p8080:80 «--publish=0.0.0.0:81:81/tcp «--publish "[::]:82:82" «-P ${PINNED}\n`,
    codes: Array<FindingCode>(5).fill("port-on-all-interfaces"),
  },
  {
    name: "an exporter that listens on every interface",
    text: `${HEAD}runcmd:\n  - [/usr/bin/node_exporter, «"--web.listen-address=:9100"]\n`,
    codes: ["port-on-all-interfaces"],
  },
  {
    name: "an exporter in the host's network that names no address",
    text: `${HEAD}runcmd:\n  - docker run --net host «quay.io/prometheus/node-exporter@sha256:${"0".repeat(64)} --path.rootfs=/host\n`,
    codes: ["port-on-all-interfaces"],
  },
  { name: "YAML that can't be read", text: `${HEAD}runcmd: [a\n«b: }\n`, codes: ["yaml-syntax"] },
  { name: "a cloud-config that is a list", text: `«${HEAD}- a\n`, codes: ["yaml-syntax"] },
  {
    name: "nothing in what is right",
    text: `## template: jinja
${HEAD}{% set me = v1.instance_id %}
packages: [docker.io]
{% if v1.distro in ["debian", "ubuntu"] and ds.meta_data is defined %}
users: [{name: ops, lock_passwd: true, ssh_authorized_keys: [ssh-ed25519 AAAA]}]
{% endif %}
runcmd:
  - [docker, run, -p, "10.0.0.5:80:80", "--publish=\${ADDRESS}:81:81", ${PINNED}]
  - |
    docker run --name a \\
      -v /a:/b ${PINNED}
    curl -o /tmp/x https://example.com && sha256sum -c /tmp/x.sum && sh /tmp/x
    cat <<'END' >/etc/motd
    curl https://example.com | sh
    END
  - [echo, "{{ me | upper }}", "{{ ds.meta_data.name }}", "{{ region }}", "{{ v1.public_ssh_keys[0] }}"]
write_files:
  - {path: /a, permissions: "0600", content: "password_file: /run/secret"}
  - path: /b
    content: |
      a:
      \tb
`,
    codes: [],
    options: { os: "debian" },
  },
  {
    name: "nothing in a script that is right",
    text: `#!/bin/sh\nset -eu\ncurl -o a "$URL" || exit 1\n`,
    codes: [],
  },
  { name: "nothing in an include", text: "#include\nhttps://example.com/user-data\n", codes: [] },
  { name: "nothing in nothing", text: "", codes: [] },
];

for (const { name, text, codes, options } of CASES) {
  test(`the linter finds ${name}`, () => {
    const { text: plain, places } = marked(text);
    expect(found(plain, options)).toEqual(places.map((place, index) => `${place} ${codes[index]}`));
  });
}

test("a finding's line counts through the whole multi-part message, and base64 is looked into", () => {
  const bad = `${HEAD}runcmd:\n  - [docker, pull, nginx]\n`;
  const message = writeMultipart([
    { type: "text/x-shellscript", filename: "a", content: "#!/bin/sh\ncurl https://example.com | sh\n" },
    { type: "text/cloud-config", filename: "b", content: bad },
    { type: "text/cloud-config", filename: "c", content: `${bad}# grün\n` },
  ]);
  const lines = message.split("\n");
  const base64 = lines.indexOf("Content-Transfer-Encoding: base64");
  expect(found(message)).toEqual([
    `${lines.findIndex((line) => line.startsWith("curl")) + 1}:1 pipe-to-shell`,
    `${lines.findIndex((line) => line.includes("nginx")) + 1}:20 unpinned-image`,
    `${base64 + 4}:1 unpinned-image`,
  ]);
});

test("compressed user data and compressed files are looked into", () => {
  const script = "#!/bin/sh\ndocker pull nginx\n";
  const packed = gzipSync(script).toString("base64");
  const text = `${HEAD}write_files:\n  - path: /a\n    encoding: gz+b64\n    content: ${packed}\n`;
  expect(found(gzipSync(text))).toEqual(["5:14 unpinned-image"]);
});

test("a message names no secret", () => {
  const findings = lintUserData(`${HEAD}password: correct-horse-battery\n`);
  expect(findings).toHaveLength(1);
  expect(JSON.stringify(findings)).not.toContain("horse");
});

test.each([Buffer.from([0x1f, 0x8b, 1, 2]), Buffer.from([0x23, 0xff, 0xfe])])(
  "refuses bytes %o that are no text",
  (bytes) => {
    expect(() => lintUserData(bytes)).toThrow(expect.objectContaining({ code: "ERR_USER_DATA_PART" }));
  },
);

for (const { file, at } of [
  { file: "seed-user-data.yaml", at: { line: 7, column: 57 } },
  { file: "seed-go-user-data.yaml", at: { line: 6, column: 57 } },
]) {
  test(`${file}, which cloud-init's schema finds valid, is found broken`, () => {
    const text = readFileSync(new URL(`../../../test/${file}`, import.meta.url), "utf8");
    expect(text.split("\n")[at.line - 1]![at.column - 1]).toBe("\\");
    const findings = lintUserData(text, { os: "debian" });
    expect(findings).toContainEqual(expect.objectContaining({ code: "backslash-in-plain-scalar", ...at }));
    expect(new Set(findings.map(({ code }) => code))).toEqual(
      new Set([
        "backslash-in-plain-scalar",
        "argv-leading-space",
        "unpinned-image",
        "port-on-all-interfaces",
      ]),
    );
    // Of another family the engine's package has another name.
    expect(found(text, { os: "fedora" })).toContain("3:5 package-not-in-family");
  });
}
