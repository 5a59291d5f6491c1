import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { Distribution } from "./distribution.ts";
import type { AgentLimits, ExporterChoice } from "./exporter-choice.ts";
import { UserDataError } from "./user-data-error.ts";

/** What one instance's user data is made from. Everything is checked before anything is rendered. */
export interface UserDataOptions {
  /**
   * Distribution of the image. `"any"` leaves the choice to the instance: a template that goes by `v1.distro`,
   * for the families with systemd and a packaged exporter.
   */
  readonly os: Distribution | "any";
  /** Base address of the target service; https, or http on loopback. */
  readonly serviceUrl: string;
  /** The join token in clear, `<id>.<secret>.<ca>`; where `ca` is not `-` it must be the SHA-256 of `caPem`. */
  readonly joinToken: string;
  /** Certificates that the service's own must come from, in PEM; written as they are. Default: what the image trusts. */
  readonly caPem?: string;
  /** The cloud's id, 1 to 128 of `A-Z a-z 0-9 . _ -`, a letter or digit first. Default: the instance fills in `v1.instance_id`. */
  readonly instanceId?: string;
  /** Literal address to listen on and to register. Default: the first private one that the instance has. */
  readonly address?: string;
  /** Network interface whose first address to take, private or not. Default: any but virtual ones. */
  readonly interface?: string;
  /** Default `{ kind: "package" }`. */
  readonly exporter?: ExporterChoice;
  /** cAdvisor too, as a container; `image` is `name@sha256:<digest>`. Default: none. */
  readonly cadvisor?: { readonly image: string };
  /** Further endpoints to register, such as the application's own. Default: none. */
  readonly endpoints?: readonly { readonly name: string; readonly port: number }[];
  readonly limits?: Partial<AgentLimits>;
  /** Name of the gauge that says which instance a machine is. Default `"promferry_instance_info"`. */
  readonly identityMetric?: string;
  /** The image has the agent already: only the configuration, the token and the CA. Default false. */
  readonly prebuilt?: boolean;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/**
 * The same options with the address of the service in its plain form.
 *
 * Each value ends up in a shell file inside YAML inside a template: what could end a quotation is refused, not escaped.
 *
 * @throws {UserDataError} ERR_USER_DATA_OPTION with the option's name.
 */
export function checkOptions(options: UserDataOptions): UserDataOptions {
  const { joinToken, caPem, instanceId, address, identityMetric } = options;
  matches("joinToken", joinToken, /^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{16,128}\.(?:-|[0-9a-f]{64})$/, true);
  if (instanceId !== undefined) matches("instanceId", instanceId, /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
  if (options.interface !== undefined) matches("interface", options.interface, /^[A-Za-z0-9._-]{1,15}$/);
  if (identityMetric !== undefined)
    matches("identityMetric", identityMetric, /^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$/);
  if (caPem !== undefined) {
    const block = "-----BEGIN CERTIFICATE-----\\r?\\n[A-Za-z0-9+/=\\r\\n]+-----END CERTIFICATE-----";
    matches("caPem", caPem, new RegExp(`^(?:\\s*${block})+\\s*$`));
  }
  const caHash = joinToken.slice(joinToken.lastIndexOf(".") + 1);
  if (
    caHash !== "-" &&
    createHash("sha256")
      .update(caPem ?? "")
      .digest("hex") !== caHash
  ) {
    throw invalid(
      "caPem",
      "the file whose SHA-256 the join token names",
      caPem === undefined ? "none" : "another",
    );
  }
  if (address !== undefined && (isIP(address) === 0 || /^(?:0\.0\.0\.0|[0:]+)$/.test(address))) {
    throw invalid("address", "one literal address, not every interface's", address);
  }
  for (const [index, { name, port }] of (options.endpoints ?? []).entries()) {
    matches(`endpoints[${index}].name`, name, /^[a-z][a-z0-9_-]{0,62}$/);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw invalid(`endpoints[${index}].port`, "a port from 1 to 65535", String(port));
    }
  }
  if (options.exporter?.kind === "none" && !options.cadvisor && !options.endpoints?.length) {
    throw invalid("endpoints", "at least one, an exporter or cAdvisor", "none");
  }
  for (const [name, value] of Object.entries(options.limits ?? {})) {
    if (!Number.isInteger(value) || value < 1)
      throw invalid(`limits.${name}`, "a whole number above 0", `${value}`);
  }
  return { ...options, serviceUrl: serviceUrl(options.serviceUrl) };
}

function serviceUrl(text: string): string {
  const expected = "an https address without query, fragment or user (http on loopback)";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.test(url.hostname));
  if (url === undefined || !plain || url.search || url.hash || url.username || url.password) {
    throw invalid("serviceUrl", expected, text);
  }
  const address = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
  matches("serviceUrl", address, /^[A-Za-z0-9.:/[\]_~-]+$/);
  return address;
}

function matches(option: string, value: string, pattern: RegExp, secret = false): void {
  if (!pattern.test(value)) {
    throw invalid(option, `text that matches ${pattern.source.slice(0, 100)}`, secret ? "another" : value);
  }
}

function invalid(option: string, expected: string, got: string): UserDataError {
  return new UserDataError(
    "ERR_USER_DATA_OPTION",
    `${option}: expected ${expected}, got ${JSON.stringify(got.slice(0, 80))}`,
  );
}
