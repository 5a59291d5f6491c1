/**
 * The real servers that the end-to-end tests talk to, unpacked from Debian packages into `.cache/servers`.
 *
 * Nothing is installed: apt works on lists and a cache of its own, the archive's signature is checked with
 * the system's keyring, and the mirror is the one that this machine is already set up to use.
 * Runs on Node 20 before anything of the workspace is installed.
 *
 * Usage: `node tools/servers.mjs [--check]`. Exit 0 when every server is there, 1 otherwise.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The Debian suite whose versions the project is tested with. */
const SUITE = "forky";

/**
 * @typedef {object} Server
 * @property {string} package Debian package.
 * @property {string} program Path inside the package.
 */

/** Every server by the name that tests ask for. @type {Readonly<Record<string, Server>>} */
export const SERVERS = {
  prometheus: { package: "prometheus", program: "usr/bin/prometheus" },
  promtool: { package: "promtool", program: "usr/bin/promtool" },
  pushgateway: { package: "prometheus-pushgateway", program: "usr/bin/prometheus-pushgateway" },
  "node-exporter": { package: "prometheus-node-exporter", program: "usr/bin/prometheus-node-exporter" },
  "victoria-metrics": { package: "victoria-metrics", program: "usr/bin/victoria-metrics" },
  vmagent: { package: "victoria-metrics", program: "usr/bin/vmagent" },
  caddy: { package: "caddy", program: "usr/bin/caddy" },
};

/**
 * Programs that need their packages' files around them; each gets a folder of its own, with the system's libraries and
 * an interpreter of the same suite, so that nothing depends on what this machine has.
 *
 * `{python}` is the suite's current version, such as `python3.14`.
 * @type {Readonly<Record<string, { package: string, needs: readonly string[] }>>}
 */
export const TREES = {
  "cloud-init": {
    package: "cloud-init",
    needs: [
      "{python}-minimal",
      "lib{python}-minimal",
      "lib{python}-stdlib",
      "python3-attr",
      "python3-certifi",
      "python3-charset-normalizer",
      "python3-configobj",
      "python3-idna",
      "python3-jinja2",
      "python3-json-pointer",
      "python3-jsonpatch",
      "python3-jsonschema",
      "python3-jsonschema-specifications",
      "python3-markupsafe",
      "python3-oauthlib",
      "python3-referencing",
      "python3-requests",
      "python3-rpds-py",
      "python3-typing-extensions",
      "python3-urllib3",
      "python3-yaml",
      "libbz2-1.0",
      "libc6",
      "libcrypt1",
      "libexpat1",
      "libffi8",
      "libgcc-s1",
      "liblzma5",
      "libssl3t64",
      "libuuid1",
      "libyaml-0-2",
      "zlib1g",
    ],
  },
  // The shells that command line completion is tried in.
  zsh: { package: "zsh", needs: ["zsh-common", "libc6", "libcap2", "libtinfo6"] },
  fish: {
    package: "fish",
    needs: ["fish-common", "libc6", "libgcc-s1", "libpcre2-32-0", "libpcre2-8-0", "libtinfo6"],
  },
  // The exporter with its unit and its folders, for what is installed on an instance.
  "node-exporter-package": { package: "prometheus-node-exporter", needs: [] },
};

const CACHE = fileURLToPath(new URL("../.cache/servers/", import.meta.url));
const PROGRAMS = join(CACHE, "bin");
const TREES_FOLDER = join(CACHE, "trees");
/** Server name to package version; written last, so that its presence means complete. */
const VERSIONS = join(CACHE, "versions.json");

/**
 * Where a server's program is, whether or not it has been fetched.
 *
 * @param {string} name A key of `SERVERS`.
 * @returns {string} Absolute path.
 */
export function serverProgram(name) {
  if (!Object.hasOwn(SERVERS, name)) {
    throw new TypeError(`no server named ${name}; known are ${Object.keys(SERVERS).join(", ")}`);
  }
  return join(PROGRAMS, name);
}

/**
 * The folder that a tree's packages were unpacked into, whether or not it has been fetched.
 *
 * @param {string} name A key of `TREES`.
 * @returns {string} Absolute path.
 */
export function treeFolder(name) {
  if (!Object.hasOwn(TREES, name)) {
    throw new TypeError(`no tree named ${name}; known are ${Object.keys(TREES).join(", ")}`);
  }
  return join(TREES_FOLDER, name);
}

/** Names of the servers and trees that are not there. @returns {string[]} */
export function missingServers() {
  const paths = [
    ...Object.keys(SERVERS).map((name) => [name, serverProgram(name)]),
    ...Object.keys(TREES).map((name) => [name, treeFolder(name)]),
  ];
  const complete = existsSync(VERSIONS);
  return paths.filter(([, path = ""]) => !complete || !existsSync(path)).map(([name = ""]) => name);
}

/** Package versions of what was fetched, by server name; empty before. @returns {Promise<Record<string, string>>} */
export async function serverVersions() {
  try {
    return JSON.parse(await readFile(VERSIONS, "utf8"));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return {};
    throw error;
  }
}

/**
 * Fetches and unpacks every server, unless all are there.
 *
 * @param {(line: string) => void} [say] Receives progress.
 * @throws {Error} Where apt or dpkg is missing, the mirror can't be reached, or a package is not to be had.
 */
export async function fetchServers(say = () => {}) {
  if (missingServers().length === 0) return;
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, "fetch-"));
  try {
    const apt = await createApt(work);
    let lastError;
    for (const mirror of await findMirrors(apt)) {
      try {
        say(`fetching servers of Debian ${SUITE} from ${mirror}`);
        await fetchFrom(mirror, apt, work, say);
        return;
      } catch (error) {
        lastError = error;
      }
    }
    throw new Error(
      `servers can't be fetched from Debian ${SUITE}: ${lastError === undefined ? "apt has no source with a mirror's address" : describe(lastError)}`,
      { cause: lastError },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * @typedef {(command: string, args: string[], options?: { cwd?: string, ownSources?: boolean }) => Promise<string>} Apt
 */

/**
 * An apt that keeps lists, cache and, when asked, sources inside `work`.
 *
 * @param {string} work
 * @returns {Promise<Apt>}
 */
async function createApt(work) {
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  await mkdir(join(work, "cache", "archives", "partial"), { recursive: true });
  const own = [
    `Dir::State::lists=${join(work, "lists")}`,
    `Dir::Cache=${join(work, "cache")}`,
    // The user apt drops to as root may not be able to enter our folder.
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
    "Acquire::Retries=2",
    "Acquire::http::Timeout=30",
  ];
  const sources = [`Dir::Etc::sourcelist=${join(work, "sources.list")}`, "Dir::Etc::sourceparts=-"];
  return async (command, args, { cwd = work, ownSources = true } = {}) => {
    const options = [...own, ...(ownSources ? sources : [])].flatMap((option) => ["-o", option]);
    const { stdout } = await run("apt-get", ["-q", ...options, command, ...args], {
      cwd,
      env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  };
}

/**
 * Addresses of the mirrors that the system's own sources name, the main archive before others.
 *
 * @param {Apt} apt
 * @returns {Promise<string[]>}
 */
async function findMirrors(apt) {
  // Without release information the sources suffice: a new machine has no lists yet.
  const format = ["--no-release-info", "--format", "$(RELEASE) $(REPO_URI)"];
  let listing;
  try {
    listing = await apt("indextargets", format, { ownSources: false });
  } catch (error) {
    throw new Error(`servers can't be fetched: apt-get does not work here: ${describe(error)}`, {
      cause: error,
    });
  }
  const mirrors = new Set();
  for (const line of listing.split("\n")) {
    const [release, uri] = line.split(" ");
    if (release && uri && !release.includes("security")) mirrors.add(uri);
  }
  return [...mirrors];
}

/**
 * @param {string} mirror
 * @param {Apt} apt
 * @param {string} work
 * @param {(line: string) => void} say
 */
async function fetchFrom(mirror, apt, work, say) {
  const keyring = ["gpg", "pgp"]
    .map((ending) => `/usr/share/keyrings/debian-archive-keyring.${ending}`)
    .find((path) => existsSync(path));
  const signedBy = keyring === undefined ? "" : `[signed-by=${keyring}] `;
  await writeFile(join(work, "sources.list"), `deb ${signedBy}${mirror} ${SUITE} main\n`);
  await apt("update", ["-o", "APT::Update::Error-Mode=any"]);

  const debs = join(work, "debs");
  const unpacked = join(work, "root");
  const programs = join(work, "bin");
  await mkdir(programs);
  const packages = [...new Set(Object.values(SERVERS).map((server) => server.package))];
  say(`downloading ${packages.join(", ")}`);
  const versions = await unpack(apt, packages, debs, unpacked);
  /** @type {Record<string, string>} */
  const record = {};
  for (const [name, server] of Object.entries(SERVERS)) {
    const program = join(unpacked, server.program);
    if (!existsSync(program)) {
      throw new Error(`package ${server.package} of Debian ${SUITE} has no ${server.program}`);
    }
    await rename(program, join(programs, name));
    record[name] = versions.get(server.package) ?? "unknown";
  }
  const python = await pythonOf(apt);
  const trees = join(work, "trees");
  await mkdir(trees);
  for (const [name, tree] of Object.entries(TREES)) {
    const needed = [tree.package, ...tree.needs.map((need) => need.replace("{python}", python))];
    say(`downloading ${tree.package} and ${needed.length - 1} packages that it needs`);
    const found = await unpack(apt, needed, join(work, `debs-${name}`), join(trees, name));
    record[name] = found.get(tree.package) ?? "unknown";
  }
  await rm(VERSIONS, { force: true });
  await rm(PROGRAMS, { recursive: true, force: true });
  await rename(programs, PROGRAMS);
  await rm(TREES_FOLDER, { recursive: true, force: true });
  await rename(trees, TREES_FOLDER);
  await writeFile(VERSIONS, `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Downloads packages into `debs` and unpacks all of them into `folder`.
 *
 * @param {Apt} apt
 * @param {readonly string[]} packages
 * @param {string} debs
 * @param {string} folder
 * @returns {Promise<Map<string, string>>} Versions by package.
 */
async function unpack(apt, packages, debs, folder) {
  for (const path of [debs, folder]) await mkdir(path);
  await apt("download", [...packages], { cwd: debs });
  /** @type {Map<string, string>} */
  const versions = new Map();
  for (const file of await readdir(debs)) {
    await run("dpkg", ["-x", join(debs, file), folder]);
    const [name = "", version = ""] = decodeURIComponent(file).split("_");
    versions.set(name, version);
  }
  return versions;
}

/**
 * The package of the suite's default Python, such as `python3.14`.
 *
 * @param {Apt} apt
 * @returns {Promise<string>}
 */
async function pythonOf(apt) {
  const uris = await apt("download", ["--print-uris", "python3"]);
  const version = /\/python3_(\d+\.\d+)\./.exec(decodeURIComponent(uris))?.[1];
  if (version === undefined) throw new Error(`python3 of Debian ${SUITE} has no version that could be read`);
  return `python${version}`;
}

/**
 * What a failed command said, bounded, else its message.
 *
 * @param {unknown} error
 * @returns {string}
 */
function describe(error) {
  const { stderr, message } = /** @type {{ stderr?: string, message?: string }} */ (error);
  return (stderr?.trim() || message || String(error)).slice(0, 1000);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  try {
    if (!check) await fetchServers((line) => console.error(`servers: ${line}`));
    const missing = missingServers();
    for (const [name, version] of Object.entries(await serverVersions())) {
      if (!missing.includes(name)) console.log(`${name} ${version}`);
    }
    if (missing.length > 0)
      console.error(`servers: missing: ${missing.join(", ")}; run node tools/servers.mjs`);
    process.exitCode = missing.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(`servers: ${/** @type {Error} */ (error).message}`);
    process.exitCode = 1;
  }
}
