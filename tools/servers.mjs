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
};

const CACHE = fileURLToPath(new URL("../.cache/servers/", import.meta.url));
const PROGRAMS = join(CACHE, "bin");
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

/** Names of the servers that are not there. @returns {string[]} */
export function missingServers() {
  const names = Object.keys(SERVERS);
  return existsSync(VERSIONS) ? names.filter((name) => !existsSync(serverProgram(name))) : names;
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
  for (const folder of [debs, unpacked, programs]) await mkdir(folder);
  const packages = [...new Set(Object.values(SERVERS).map((server) => server.package))];
  say(`downloading ${packages.join(", ")}`);
  await apt("download", packages, { cwd: debs });

  /** @type {Map<string, string>} */
  const versions = new Map();
  for (const file of await readdir(debs)) {
    await run("dpkg", ["-x", join(debs, file), unpacked]);
    const [name = "", version = ""] = decodeURIComponent(file).split("_");
    versions.set(name, version);
  }
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
  await rm(VERSIONS, { force: true });
  await rm(PROGRAMS, { recursive: true, force: true });
  await rename(programs, PROGRAMS);
  await writeFile(VERSIONS, `${JSON.stringify(record, null, 2)}\n`);
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
