/**
 * Runs a module in a thread of its own, which neither holds the program up nor keeps it alive: where the program
 * ends before, the thread ends in the midst of its work.
 *
 * @param data The module finds it as `workerData` of `node:worker_threads`.
 * @returns Resolves when the module has come to its end; rejects with what it threw.
 */
export async function inWorker(module: URL, data?: unknown): Promise<void> {
  // Loaded when it is needed: most programs that import the collector start no thread.
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker(module, { workerData: data });
  worker.unref();
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${module.href} ended with ${code}`));
    });
  });
}
