/** Where an instance is created; decides how much user data it takes. */
export type Provider = "ec2" | "nova" | "gce" | "azure" | "nocloud";

export interface ProviderLimit {
  /** Most bytes as cloud-init gets them, before base64. */
  readonly rawBytes?: number;
  /** Most bytes after base64. */
  readonly base64Bytes?: number;
  /** Whether a gzip body arrives whole: the provider's API carries bytes, not text. */
  readonly binary: boolean;
  /** Whether the figures are those of the provider's documentation; the others are hearsay. */
  readonly verified: boolean;
}

const KIB = 1024;

/** @see Amazon EC2 user guide, "instance user data"; OpenStack Nova API reference, "Create server" */
export const PROVIDER_LIMITS: Readonly<Record<Provider, ProviderLimit>> = {
  ec2: { rawBytes: 16 * KIB, binary: true, verified: true },
  nova: { base64Bytes: 65_535, binary: true, verified: true },
  gce: { rawBytes: 256 * KIB, binary: false, verified: false },
  azure: { rawBytes: 64 * KIB, binary: true, verified: false },
  nocloud: { binary: true, verified: true },
};

/** Bytes that `raw` bytes have in base64 with padding. */
export function base64Size(raw: number): number {
  return Math.ceil(raw / 3) * 4;
}

/** In words, which limit `rawBytes` breaks; undefined where it fits. */
export function brokenLimit(provider: Provider, rawBytes: number): string | undefined {
  const limit = PROVIDER_LIMITS[provider];
  const unsure = limit.verified ? "" : " (not verified)";
  if (limit.rawBytes !== undefined && rawBytes > limit.rawBytes) {
    return `${rawBytes} bytes, ${provider} takes ${limit.rawBytes}${unsure}`;
  }
  const encoded = base64Size(rawBytes);
  if (limit.base64Bytes !== undefined && encoded > limit.base64Bytes) {
    return `${encoded} bytes after base64, ${provider} takes ${limit.base64Bytes}${unsure}`;
  }
  return undefined;
}
