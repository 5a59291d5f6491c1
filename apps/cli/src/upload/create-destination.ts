import type { Destination, HttpOptions } from "@promferry/core/delivery";
import { createHttpPush } from "@promferry/http-push";
import { createPushgateway, type GroupingValue } from "@promferry/pushgateway";
import { createRemoteWrite, type SnappyCodec } from "@promferry/remote-write";
import { destinationKind } from "../config/destination-kind.ts";
import type { DestinationConfig } from "../config/schema.ts";
import type { LabelTemplate } from "./session-variables.ts";

export interface DestinationParts {
  readonly config: DestinationConfig;
  /** Replaces the variables of texts that are no labels. */
  readonly expand: (text: string) => string;
  readonly http: HttpOptions;
  readonly app: string;
  /** By grouping label; a template that differs by session is read from the series' label. */
  readonly grouping: Readonly<Record<string, LabelTemplate>>;
  /** Compresses remote write. Default: the built-in codec. */
  readonly snappy?: SnappyCodec | undefined;
  /** Called once, when remote write's receiver has shown that it takes no native histograms. */
  readonly onNativeRefused: () => void;
}

/**
 * The destination that an entry of the configuration stands for. Opens nothing.
 *
 * @throws {TypeError} A setting that the destination can't work with.
 */
export function createDestination(parts: DestinationParts): Destination {
  const { config, expand, http, app, grouping, snappy, onNativeRefused } = parts;
  const { name } = config;
  const url = expand(config.url);
  switch (destinationKind(config.type)) {
    case "remote-write":
      return createRemoteWrite({
        ...http,
        name,
        url,
        protocol: config.protocol,
        tenantInPath: config.tenant_in_path,
        onNativeRefused,
        ...(snappy ? { snappy } : {}),
        ...(config.tenant === undefined ? {} : { tenant: expand(config.tenant) }),
      });
    case "http":
      return createHttpPush({ ...http, name, url, format: config.format, gzip: config.gzip });
    case "pushgateway":
      return createPushgateway({
        ...http,
        name,
        url,
        gzip: config.gzip,
        job: expand(config.job_name ?? app),
        grouping: Object.fromEntries(
          Object.entries(grouping).map(([label, value]): [string, GroupingValue] => [
            label,
            typeof value === "string" ? value : { label },
          ]),
        ),
      });
  }
}
