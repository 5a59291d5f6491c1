import { endpointIdentity, parseEndpoint } from "@promferry/core/delivery";

interface EndpointOptions {
  readonly url: string;
  readonly tenant?: string | undefined;
  readonly tenantInPath?: boolean | undefined;
}

/** Where requests go, and what tells this destination from others. */
export interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly identity: string;
}

/**
 * What Mimir and Cortex take: letters, digits and `!-_.*'()`, up to 150 characters. Cortex answers
 * anything else with 500, which looks as if it were worth a retry.
 */
const TENANT = /^(?!\.{1,2}$)[a-zA-Z0-9!\-_.*'()]{1,150}$/;

/** @throws {TypeError} The URL or the tenant can't be used; the message says why. */
export function resolveEndpoint({ url, tenant, tenantInPath = false }: EndpointOptions): Endpoint {
  const target = parseEndpoint(url);
  if (tenant !== undefined && !TENANT.test(tenant)) {
    throw new TypeError(
      `tenant ${JSON.stringify(tenant.slice(0, 200))} must be 1 to 150 letters, digits or characters of !-_.*'()`,
    );
  }
  if (tenantInPath && tenant === undefined) throw new TypeError("tenantInPath needs a tenant");
  const identity = `remote-write ${endpointIdentity(target)}`;
  if (tenant === undefined) return { url: target.href, headers: {}, identity };
  if (tenantInPath) target.pathname = `/tenant/${tenant}${target.pathname}`;
  return {
    url: target.href,
    headers: tenantInPath ? {} : { "X-Scope-OrgID": tenant },
    identity: `${identity} tenant=${tenant}`,
  };
}
