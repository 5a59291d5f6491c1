/**
 * Types of the local file systems on which several processes may append to one file: there a write
 * with O_APPEND finds the end and writes in one step. NFS and SMB promise no such thing.
 *
 * @see Linux, statfs(2) and include/uapi/linux/magic.h
 */
const LINUX: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0xca451a4e, // bcachefs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs
]);

/** macOS numbers its file systems itself. */
const DARWIN: ReadonlySet<number> = new Set([
  0x11, // HFS+
  0x1a, // APFS
]);

/**
 * Whether a file system is known to append whole writes of several processes one after the other.
 * What is not known counts as not: a file for each session is always right.
 *
 * @param type As `statfs` gives it; Node gives 0 on Windows.
 */
export function appendsAreShared(type: number, platform: NodeJS.Platform): boolean {
  if (platform === "linux") return LINUX.has(type >>> 0);
  if (platform === "darwin") return DARWIN.has(type);
  return false;
}
