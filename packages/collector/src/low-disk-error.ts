/** Told before the disk is full, while frames can still be written. */
export class LowDiskError extends Error {
  override readonly name = "LowDiskError";
  readonly code = "ERR_COLLECTOR_LOW_DISK";
  readonly dir: string;
  readonly freeBytes: number;

  constructor(dir: string, freeBytes: number) {
    const free = `${Math.floor(freeBytes / 1024 ** 2)} MiB`;
    super(
      `only ${free} are free where ${dir} lies; once the disk is full nothing more is kept. Make room, or let fewer days stay`,
    );
    this.dir = dir;
    this.freeBytes = freeBytes;
  }
}
