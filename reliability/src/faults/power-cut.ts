import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { CollectTask } from "../children/collect-task.ts";
import type { UploadTask } from "../children/upload.ts";
import { demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { createRandom } from "../random.ts";
import { filesIn, type RunningChild, startChild } from "../run-child.ts";
import { startParentReceiver } from "../simulation/parent-receiver.ts";
import { createReceiverMemory } from "../simulation/receiver-memory.ts";
import { type Cut, checkSideLogs } from "../simulation/side-logs.ts";

const IMAGE_BYTES = 32 * 1024 * 1024;
const CUTS = 3;
const LOCK_TIMEOUT_MS = 130_000;

export const powerCut: Fault = {
  name: "power-cut",
  title:
    "a real ext4 in an image: shut down without writing back what it holds (EXT4_IOC_SHUTDOWN, no log flush) while collectors and an uploader work, and mounted again",
  unit: "cuts",
  amounts: { long: 60, short: 3, mutant: 9 },
  holds:
    "no acknowledged frame lost, no sample sent twice but in a request in doubt, no start refused, totals exact",
  async run(context) {
    const work = mkdtempSync(join(tmpdir(), "promferry-power-cut-"));
    const image = createImage(work);
    try {
      if (!image.mount()) {
        const why =
          "no ext4 image can be made, mounted or shut down here (root, mkfs.ext4, a loop device and perl are needed)";
        context.notShown(`power cut of a real ext4: ${why}; shown at the file-system seam only`);
        return;
      }
      image.unmount();
      await eachCase(context, (index) => runImage(context, index, image));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
};

interface Image {
  readonly dir: string;
  /** Makes the image anew. */
  format(): void;
  /** Whether it worked. */
  mount(): boolean;
  unmount(): void;
  /** From here on nothing reaches the image any more. */
  cut(): void;
}

function createImage(work: string): Image {
  const file = join(work, "image");
  const dir = join(work, "mounted");
  mkdirSync(dir);
  const run = (program: string, ...args: string[]) => execFileSync(program, args, { stdio: "ignore" });
  const format = () => {
    writeFileSync(file, "");
    truncateSync(file, IMAGE_BYTES);
    run("mkfs.ext4", "-q", file);
  };
  return {
    dir,
    format,
    mount() {
      try {
        if (!existsAsImage()) format();
        run("mount", "-o", "loop", file, dir);
        return true;
      } catch {
        return false;
      }
    },
    unmount: () => run("umount", dir),
    // Linux, fs/ext4/ext4.h: EXT4_IOC_SHUTDOWN is _IOR('X', 125, __u32); 2 is EXT4_GOING_FLAGS_NOLOGFLUSH.
    cut: () =>
      run(
        "perl",
        "-e",
        'open(my $d, "<", $ARGV[0]) or die; my $f = pack("L", 2); ioctl($d, 0x8004587D, $f) or die',
        dir,
      ),
  };

  function existsAsImage(): boolean {
    try {
      run("dumpe2fs", "-h", file);
      return true;
    } catch {
      return false;
    }
  }
}

async function runImage(context: FaultContext, index: number, image: Image): Promise<number> {
  const random = createRandom(context.seed, "power-cut", index);
  const logs = mkdtempSync(join(tmpdir(), "promferry-power-cut-logs-"));
  const memory = createReceiverMemory();
  const receiver = await startParentReceiver(memory);
  image.format();
  const journal = join(image.dir, "journal");
  const task: UploadTask = {
    dir: journal,
    url: receiver.url,
    cleans: false,
    compresses: false,
    kill: { when: "before" },
  };
  const cuts: Cut[] = [];
  let running: RunningChild[] = [];
  let isMounted = false;
  const mount = () => {
    demand(image.mount(), "the image cannot be mounted again");
    isMounted = true;
  };
  const kill = async () => {
    for (const child of running) child.process.kill("SIGKILL");
    await Promise.all(running.map(({ ended }) => ended));
    running = [];
  };
  try {
    for (let cut = 0; cut < CUTS; cut++) {
      mount();
      const collectors = [0, 1].map((number) => {
        const sideLog = join(logs, `${cut}-${number}`);
        const collect: CollectTask = {
          dir: journal,
          sideLog,
          seed: `${context.seed} ${index} ${sideLog}`,
          pauseMs: 5,
        };
        return startChild("collect", collect);
      });
      running = [...collectors];
      await delay(random.between(250, 500));
      running.push(startChild("upload", task));
      await delay(random.between(50, 500));
      const fromMs = Date.now();
      image.cut();
      await delay(50);
      for (const { process: child } of collectors)
        demand(child.exitCode === null, "a program ended because its disk did");
      await kill();
      cuts.push({ fromMs, toMs: Date.now() });
      image.unmount();
      isMounted = false;
      mount();
      await checkSideLogs(logs, await filesIn(journal), cuts);
      image.unmount();
      isMounted = false;
    }
    mount();
    for (let i = 0; i < 2; i++) {
      // A lock that was being made when the power went counts for two minutes.
      const { code, stderr } = await startChild("upload", { ...task, nowMs: Date.now() + LOCK_TIMEOUT_MS })
        .ended;
      demand(code === 0, `the last upload ended with ${code}: ${stderr.slice(0, 600)}`);
    }
    memory.check();
    demand(memory.repeated <= CUTS, `${memory.repeated} requests were repeated in ${CUTS} cuts`);
    const verdict = await checkSideLogs(logs, await filesIn(journal), cuts);
    const found = memory.totals();
    for (const [series, total] of verdict.totals) {
      demand(
        found.get(series) === total,
        `${series} is ${found.get(series)} at the receiver, its writers counted ${total}`,
      );
    }
    context.count("frames acknowledged", verdict.acknowledged);
    context.count("frames after the cuts", verdict.frames);
    context.count("requests repeated", memory.repeated);
    return CUTS;
  } finally {
    await kill();
    if (isMounted) image.unmount();
    await receiver.close();
    rmSync(logs, { recursive: true, force: true });
  }
}
