import type { AgentFlags } from "../agent/agent-plan.ts";
import { printAgentUnit } from "../agent/agent-unit.ts";
import { runAgent } from "../agent/run-agent.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";

interface AgentOptions extends Omit<AgentFlags, "protocol"> {
  readonly protocol: "1" | "2" | "auto";
  readonly printUnit?: boolean;
}

/** Scrapes and ships until Ctrl-C or SIGTERM. */
export async function agent(context: Context, options: AgentOptions): Promise<ExitCode> {
  const { protocol: version, printUnit = false } = options;
  const protocol = version === "auto" ? version : version === "1" ? 1 : 2;
  const flags: AgentFlags = { ...options, protocol };
  return printUnit ? printAgentUnit(context, flags) : runAgent(context, flags);
}
