#!/usr/bin/env node
// Checked before anything is loaded: an older Node has no node:sqlite, and would say only that.
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `promferry-targets: Node ${process.versions.node} is too old; it needs Node 24 or newer\n`,
  );
  process.exitCode = 1;
} else {
  const { runCommand } = await import("./command.ts");
  process.exitCode = await runCommand(process.argv.slice(2));
}
