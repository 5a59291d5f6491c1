import { createSnappyCodec, type SnappyCodec } from "@promferry/remote-write";

/**
 * Compression by the npm package `snappy`, where that is installed beside the CLI. `undefined` where it is not, or
 * can't be loaded on this machine: then the built-in one serves as well.
 */
export async function loadNativeSnappy(): Promise<SnappyCodec | undefined> {
  try {
    const { compressSync } = await import("snappy");
    return { ...createSnappyCodec(), compress: (bytes) => compressSync(bytes) };
  } catch {
    return undefined;
  }
}
