/**
 * Loaded with `--import`: from then on the process can open no socket, ask for no name and start no
 * process. What it tries is added, a line each, to the file that FORBIDDEN_LOG names, and throws.
 */
import childProcess from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import { appendFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";

function forbid(owner: object, prefix: string, names = Object.keys(owner)): void {
  const functions = owner as Record<string, unknown>;
  for (const name of names) {
    if (typeof functions[name] !== "function" || !/^[a-z]/.test(name)) continue;
    functions[name] = () => {
      appendFileSync(process.env["FORBIDDEN_LOG"]!, `${prefix}.${name}\n`);
      throw new Error(`${prefix}.${name} is forbidden here`);
    };
  }
}

forbid(childProcess, "child_process");
forbid(dns, "dns");
forbid(dns.promises, "dns.promises");
forbid(dgram, "dgram");
forbid(net.Socket.prototype, "socket", ["connect"]);
forbid(net.Server.prototype, "server", ["listen"]);
syncBuiltinESMExports();
