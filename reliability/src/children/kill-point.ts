import { nodeUploadFs, type UploadFs } from "@promferry/uploader";
import { hookFs } from "../simulation/hooked-fs.ts";

/** Where a process kills itself: at its nth call to the outside. */
export interface KillPoint {
  /** Counts file-system calls and requests, from 1. Absent: it lives. */
  readonly at?: number;
  /** `torn`: a write gets half of its bytes out before. */
  readonly when: "before" | "after" | "torn";
}

/** The real file system, and a counter for other calls, of a process that is to be killed. */
export function createKillPoint({ at = Number.POSITIVE_INFINITY, when }: KillPoint): {
  readonly fs: UploadFs;
  /** Runs something that is no call of the file system. */
  readonly call: <T>(work: () => Promise<T>) => Promise<T>;
} {
  let calls = 0;
  const fs = hookFs(nodeUploadFs, {
    before({ n }) {
      if (n > 0 && ++calls === at && when === "before") die();
    },
    after: () => void (calls >= at && die()),
    cut: (_, bytes) => (calls === at && when === "torn" ? bytes.length >> 1 : bytes.length),
  });
  return {
    fs,
    async call(work) {
      if (++calls === at && when === "before") die();
      const result = await work();
      if (calls >= at) die();
      return result;
    },
  };
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal is on its way; nothing else may happen.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
