import type { ExporterPackage } from "./distribution.ts";
import { EXPORTER_PORT } from "./exporter-choice.ts";
import { type InstanceFile, PATHS } from "./paths.ts";

/** OpenRC's counterpart of the systemd units, for Alpine. Rendered by the same rules, never run here. */
export function openrcFiles(exporter: ExporterPackage | undefined): readonly InstanceFile[] {
  const agent: InstanceFile = {
    path: "/etc/init.d/promferry-agent",
    mode: "0755",
    content: `#!/sbin/openrc-run
name="promferry agent"
supervisor=supervise-daemon
command=${PATHS.agent}
command_args=run
respawn_delay=30
respawn_max=0

depend() {
  need net
  after ntp-client chronyd
}

stop_post() {
  ${PATHS.agent} stop || true
}
`,
  };
  if (exporter === undefined) return [agent];
  const settings: InstanceFile = {
    path: `/etc/conf.d/${exporter.service}`,
    mode: "0644",
    // Without an address it must not start: an empty one would be every interface.
    content: `${PATHS.agent} address && . ${PATHS.addressFile} || exit 1
ARGS="--web.listen-address=$FERRY_HOST:${EXPORTER_PORT} --collector.textfile.directory=${exporter.textfileDir}"
`,
  };
  return [agent, settings];
}
