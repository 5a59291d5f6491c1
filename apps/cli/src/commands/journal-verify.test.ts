import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compressDay, openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { dayFiles, readSamples, writeAppSession } from "../../test/journal.ts";
import { runCli, temporaryFolder } from "../../test/run-cli.ts";

const FILE = "2025-10-06.prom";
/** Later than the files of the test are made, so that every day is over. */
const now = () => Date.UTC(2100, 0);

const verify = (dir: string, ...flags: string[]) =>
  runCli(["journal", "verify", "--dir", dir, ...flags], { now });

/** Takes the second frame of a session away, and leaves the half of it if asked to. */
function tearSecondFrame(dir: string, leave: "half" | "nothing"): void {
  const path = join(dir, FILE);
  const text = readFileSync(path, "utf8");
  const start = text.indexOf("\n# Written", 1);
  const end = text.indexOf("\n# Written", start + 1);
  const half = leave === "half" ? text.slice(start, start + 200) : "";
  writeFileSync(path, text.slice(0, start) + half + text.slice(end));
}

test("a journal without damage is exit 0, with what is in it", async () => {
  const dir = temporaryFolder();
  await writeAppSession(dir, { session: "00000001" });
  const { exitCode, stdout } = await verify(dir);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^1 day, 3 frames of 1 session, 2 samples, \d+ B$/m);
  expect(stdout).toMatch(/^2025-10-06\.prom {2}closed, 3 frames, \d+ B$/m);
  expect(stdout).toMatch(/^no damage$/m);
  expect((await verify(dir, "--json")).json()).toMatchObject({
    clean: true,
    exitCode: 0,
    days: 1,
    bytes: readFileSync(join(dir, FILE)).length,
    sessions: [
      {
        session: "00000001",
        app: "k1",
        frames: 3,
        samples: 2,
        firstSeq: 0,
        lastSeq: 2,
        ended: true,
        gaps: [],
      },
    ],
  });
});

test("a folder that is not there is an empty journal", async () => {
  expect(await verify("missing")).toMatchObject({ exitCode: 0 });
  expect(await verify("missing", "--repair")).toMatchObject({ exitCode: 0 });
});

for (const packed of [false, true]) {
  test(`damage in a ${packed ? "compressed" : "plain"} day is exit 1 until it is repaired, which loses no valid frame`, async () => {
    const dir = temporaryFolder();
    await writeAppSession(dir, { session: "00000001" });
    const journal = openJournal(dir, { now });
    if (packed) await compressDay(journal, (await journal.index()).files[0]!);
    const [name = ""] = readdirSync(dir);
    const bytes = readFileSync(join(dir, name));
    const [, second] = (await journal.index()).frames;
    bytes[second!.offsetBytes + 60]! ^= 2;
    writeFileSync(join(dir, name), bytes);
    const before = await readSamples(dir);

    const found = await verify(dir);
    expect(found.exitCode).toBe(1);
    expect(found.stdout).toMatch(
      new RegExp(`^damaged: ${name} at byte ${second!.offsetBytes}, \\d+ bytes \\(\\w+\\).*; lost$`, "m"),
    );
    expect(found.stdout).toMatch(/^missing: 1 of session 00000001 of k1, frames 0 to 2$/m);
    expect((await verify(dir, "--json")).json()).toMatchObject({
      exitCode: 1,
      damage: [{ file: name, offset: second!.offsetBytes, outcome: "lost" }],
      sessions: [{ gaps: [[1, 1]] }],
    });

    const repaired = await verify(dir, "--repair");
    expect(repaired.exitCode).toBe(0);
    expect(repaired.stdout).toMatch(/^repaired: .*, 1 place to quarantine\//m);
    expect(repaired.stdout).toMatch(/^no damage$/m);
    expect(await readSamples(dir)).toEqual(before);
    const [line = ""] = readFileSync(join(dir, "quarantine", "index.jsonl"), "utf8").split("\n");
    const { copy, ...rest } = JSON.parse(line);
    expect(rest).toMatchObject({ file: name, offset: second!.offsetBytes });
    expect(bytes.includes(readFileSync(join(dir, "quarantine", copy)))).toBe(true);
    expect(await verify(dir)).toMatchObject({ exitCode: 0 });
  });
}

test("a frame that stands whole elsewhere is recovered", async () => {
  const dir = temporaryFolder();
  await writeAppSession(dir);
  const text = readFileSync(join(dir, FILE), "utf8");
  tearSecondFrame(dir, "half");
  writeFileSync(join(dir, "2025-10-06.copy.prom"), text);
  const { exitCode, stdout } = await verify(dir);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/\(torn\), frame 1 of session \w+; recovered$/m);
  expect(stdout).not.toContain("missing");
});

test("a number that is missing without damage is told and is no damage: its write may have failed", async () => {
  const dir = temporaryFolder();
  await writeAppSession(dir);
  tearSecondFrame(dir, "nothing");
  const { exitCode, stdout } = await verify(dir);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^missing: 1 of session/m);
});

test("frames that are held or not understood are told, and a repair leaves them", async () => {
  const dir = temporaryFolder();
  await writeAppSession(dir, { atMs: Date.UTC(2010, 0, 1, 12) });
  appendFileSync(
    join(dir, "2025-10-06.prom"),
    "\n# Written: 2025-10-06T00:00:00.000Z v=3 session=00000001 seq=0 a=b\nnew\n# End: x\n",
  );
  const before = dayFiles(dir);
  const { exitCode, stdout } = await verify(dir, "--repair");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^held: frame 1 of session \w+ in 2010-01-01\.prom, dated 2010-01-01T/m);
  expect(stdout).toContain("not understood: 2025-10-06.prom at byte 1 (v=3); a newer promferry reads it");
  expect(dayFiles(dir)).toEqual(before);
});

test("an open day is not repaired: exit 1 stays, and says why", async () => {
  const dir = temporaryFolder();
  appendFileSync(join(dir, "2025-10-06.prom"), "stray\n");
  await writeAppSession(dir);
  const before = dayFiles(dir);
  const { exitCode, stdout } = await runCli(["journal", "verify", "--repair", "--dir", dir], {
    now: () => Date.UTC(2025, 9, 6, 13),
  });
  expect(exitCode).toBe(1);
  expect(stdout).toContain("left: 2025-10-06.prom: the day is not over");
  expect(dayFiles(dir)).toEqual(before);
});
