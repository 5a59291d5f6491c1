/** The value scanner over the page of a real node exporter: what it finds there, and why each finding is a true one. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireServer, runCli, startNodeExporter } from "./harness/index.ts";

/** By metric. Which of them a machine has depends on it; another one is a false alarm until its reason stands here. */
const TRUE_FINDINGS: Readonly<Record<string, string>> = {
  node_network_info: "address and broadcast are hardware addresses",
  node_uname_info: "nodename is this machine's host name",
  node_arp_entries: "a device may be named after its hardware address",
  node_dmi_info: "product_uuid and serial numbers name one machine",
  node_os_info: "build_id may be a UUID",
  node_filesystem_avail_bytes: "a mount point may lie in a home folder, or have a volume's UUID in its name",
  node_filesystem_device_error: "as node_filesystem_avail_bytes",
  node_filesystem_files: "as node_filesystem_avail_bytes",
  node_filesystem_files_free: "as node_filesystem_avail_bytes",
  node_filesystem_free_bytes: "as node_filesystem_avail_bytes",
  node_filesystem_mount_info: "as node_filesystem_avail_bytes",
  node_filesystem_purgeable_bytes: "as node_filesystem_avail_bytes",
  node_filesystem_readonly: "as node_filesystem_avail_bytes",
  node_filesystem_size_bytes: "as node_filesystem_avail_bytes",
  node_disk_info: "serial numbers and WWNs, UUIDs of volumes",
  node_disk_filesystem_info: "UUIDs of file systems",
  node_disk_device_mapper_info: "UUIDs of volumes",
};

interface Explained {
  readonly destinations: readonly {
    readonly metrics: readonly {
      readonly name: string;
      readonly labels: { readonly dropped: readonly string[]; readonly changed: readonly string[] };
      readonly helpChanged: boolean;
      readonly stays: readonly unknown[];
    }[];
  }[];
}

test("in a real node exporter's page nothing is found but what is listed with its reason", async (context) => {
  requireServer(context, "node-exporter");
  const exporter = await startNodeExporter();
  context.onTestFinished(exporter.stop);
  const home = await mkdtemp(join(tmpdir(), "promferry-scan-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true }));
  const destinations = [{ name: "d", type: "http", url: "http://127.0.0.1:1", scan_pages: true }];
  await writeFile(
    join(home, "config.yaml"),
    JSON.stringify({ metrics: { dir: join(home, "j"), destinations } }),
  );
  const cli = (...args: string[]) => runCli([...args, "--config", join(home, "config.yaml")]);
  expect((await cli("collect", `${exporter.url}/metrics`, "--once")).code).toBe(0);

  const { code, stdout } = await cli("privacy", "explain", "--json");

  expect(code).toBe(0);
  const { metrics } = (JSON.parse(stdout) as Explained).destinations[0]!;
  const found = metrics.filter(
    ({ labels, helpChanged, stays }) =>
      labels.dropped.length + labels.changed.length + stays.length > 0 || helpChanged,
  );
  expect(metrics.length).toBeGreaterThan(100);
  expect(found.map(({ name }) => name).filter((name) => !(name in TRUE_FINDINGS))).toEqual([]);
});
