/** An instance as the service shows it. */
export interface InstanceView {
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly scope: string;
  readonly liveness: string;
  readonly state: string;
  readonly removed_by: string | null;
  readonly state_since: string;
  readonly deadline: string | null;
  readonly seen_at: string | null;
  readonly endpoints: readonly { readonly name: string; readonly address: string; readonly port: number }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly rev: number;
}

/** `node 10.0.0.7:9100, app [fd00::1]:8080` */
export function endpointsInWords({ endpoints }: InstanceView): string {
  return endpoints
    .map(({ name, address, port }) => `${name} ${address.includes(":") ? `[${address}]` : address}:${port}`)
    .join(", ");
}
