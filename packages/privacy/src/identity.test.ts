import { createHash, createHmac } from "node:crypto";
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type OnTestFinishedHandler, test } from "vitest";
import { resolveIdentity, weekOf } from "./identity.ts";
import { IdentityError } from "./identity-error.ts";
import type { IdentityFs } from "./identity-key.ts";

const destination = "remote-write https://metrics.example.net/api/v1/write";

async function directory(onTestFinished: (fn: OnTestFinishedHandler) => void): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "promferry-identity-"));
  onTestFinished(() => rm(parent, { recursive: true }));
  return join(parent, "k1", "metrics");
}

test("installation is a keyed hash that stays, and differs for each destination", async ({
  onTestFinished,
}) => {
  const dir = await directory(onTestFinished);
  const first = await resolveIdentity({ kind: "installation", dir, destination });
  expect(first).toEqual({ kind: "installation", user: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(await resolveIdentity({ kind: "installation", dir, destination })).toEqual(first);
  const elsewhere = await resolveIdentity({
    kind: "installation",
    dir,
    destination: "http https://other.example",
  });
  expect(elsewhere.user).not.toBe(first.user);
});

test("the key is 32 random bytes that only their owner can read, and the hash is HMAC-SHA-256", async ({
  onTestFinished,
}) => {
  const dir = await directory(onTestFinished);
  const randomBytes = (size: number) => new Uint8Array(size).fill(7);
  const { user } = await resolveIdentity({ kind: "installation", dir, destination, randomBytes });
  const key = Buffer.alloc(32, 7);
  const text = await readFile(join(dir, "identity.json"), "utf8");
  expect(JSON.parse(text)).toEqual({ v: 1, key: key.toString("hex") });
  expect((await stat(join(dir, "identity.json"))).mode & 0o777).toBe(0o600);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  expect(await readdir(dir)).toEqual(["identity.json"]);
  const hash = createHmac("sha256", key).update(`promferry user v1\n${destination}`).digest("hex");
  expect(user).toBe(hash.slice(0, 32));
});

test("processes that start at once agree on one key", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const identities = await Promise.all(
    Array.from({ length: 20 }, () => resolveIdentity({ kind: "installation", dir, destination })),
  );
  expect(new Set(identities.map(({ user }) => user)).size).toBe(1);
  expect(await readdir(dir)).toEqual(["identity.json"]);
});

test("a dry run makes no key, and says that its user only holds the place", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const dry = () => resolveIdentity({ kind: "installation", dir, destination, create: false });
  expect(await dry()).toEqual({ kind: "installation", user: "0".repeat(32), provisional: true });
  await expect(stat(dir)).rejects.toThrow("ENOENT");
  const real = await resolveIdentity({ kind: "installation", dir, destination });
  expect(await dry()).toEqual(real);
});

test("a file system without hard links gets its key in place", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const fs: IdentityFs = {
    mkdir,
    readFile,
    writeFile,
    unlink,
    link: () => Promise.reject(Object.assign(new Error("no links here"), { code: "EPERM" })),
  };
  const { user } = await resolveIdentity({ kind: "installation", dir, destination, fs });
  expect((await resolveIdentity({ kind: "installation", dir, destination, fs: { ...fs, link } })).user).toBe(
    user,
  );
  expect(await readdir(dir)).toEqual(["identity.json"]);
});

test("on a full disk no half of a key is left behind", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const full: IdentityFs = {
    mkdir,
    readFile,
    unlink,
    link,
    async writeFile(path) {
      await writeFile(path, "");
      throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    },
  };
  await expect(resolveIdentity({ kind: "installation", dir, destination, fs: full })).rejects.toThrow(
    "no space left",
  );
  expect(await readdir(dir)).toEqual([]);
});

for (const text of ["", "{}", '{"v":1,"key":"abc"}', '{"v":2,"key":"00"}']) {
  test(`a damaged key is refused and left as it is: ${JSON.stringify(text)}`, async ({ onTestFinished }) => {
    const dir = await directory(onTestFinished);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, "identity.json"), text);
    const error = await resolveIdentity({ kind: "installation", dir, destination }).catch((caught) => caught);
    expect(error).toBeInstanceOf(IdentityError);
    expect(error).toMatchObject({
      code: "ERR_IDENTITY_DAMAGED",
      message: expect.stringContaining("restore it"),
    });
    expect(await readFile(join(dir, "identity.json"), "utf8")).toBe(text);
  });
}

test("a directory that can't be made is named", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  await mkdir(join(dir, ".."), { recursive: true });
  await writeFile(dir, "a file");
  await chmod(dir, 0o400);
  const error = await resolveIdentity({ kind: "installation", dir, destination }).catch((caught) => caught);
  expect(error).toMatchObject({ code: "ERR_IDENTITY_UNREADABLE", message: expect.stringContaining(dir) });
});

test("a full disk asks for room, not for rights", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const fs = { mkdir, readFile, writeFile: () => Promise.reject(full), link, unlink };
  await expect(resolveIdentity({ kind: "installation", dir, destination, fs })).rejects.toThrow(
    /no space left on device, write; make room, or use identity none$/,
  );
});

test("hostname-sha256 is the plain hash, with a warning that it can be guessed", async () => {
  const identity = await resolveIdentity({
    kind: "hostname-sha256",
    dir: "/nowhere",
    destination,
    hostname: "laptop",
  });
  const user = createHash("sha256").update("laptop").digest("hex");
  expect(identity).toEqual({
    kind: "hostname-sha256",
    user,
    warning: expect.stringContaining("can be guessed"),
  });
});

test("none has no user", async () => {
  expect(await resolveIdentity({ kind: "none", dir: "/nowhere", destination })).toEqual({ kind: "none" });
});

test("rotating is another one in each week and for each destination, and none of them the installation's", async ({
  onTestFinished,
}) => {
  const dir = await directory(onTestFinished);
  const rotating = await resolveIdentity({ kind: "rotating", dir, destination });
  const monday = Date.UTC(2025, 9, 6);
  expect(weekOf(monday)).toBe(monday);
  expect(weekOf(monday + 7 * 86_400_000 - 1)).toBe(monday);
  expect(weekOf(monday - 1)).toBe(monday - 7 * 86_400_000);

  const user = rotating.userIn!(monday);
  expect(user).toMatch(/^[0-9a-f]{32}$/);
  expect((await resolveIdentity({ kind: "rotating", dir, destination })).userIn!(monday)).toBe(user);
  const elsewhere = await resolveIdentity({
    kind: "rotating",
    dir,
    destination: "http https://other.example",
  });
  const installation = await resolveIdentity({ kind: "installation", dir, destination });
  const others = [
    rotating.userIn!(weekOf(monday - 1)),
    rotating.user,
    elsewhere.userIn!(monday),
    installation.user,
  ];
  expect(new Set([user, ...others]).size).toBe(5);
});

test("a dry run of rotating makes no key either", async ({ onTestFinished }) => {
  const dir = await directory(onTestFinished);
  const dry = await resolveIdentity({ kind: "rotating", dir, destination, create: false });
  expect(dry).toMatchObject({ provisional: true, user: "0".repeat(32) });
  expect(dry.userIn!(0)).toBe("0".repeat(32));
  await expect(stat(dir)).rejects.toThrow("ENOENT");
});
