import type { Context } from "../context.ts";
import { count } from "../count.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { connectService, jsonOf, type ServiceOptions } from "../targets/service-client.ts";

interface InitOptions extends ServiceOptions {
  readonly force?: boolean;
}

/** Says that a new store is the right one: lists made from it are served from now on. */
export async function targetsInit(context: Context, options: InitOptions): Promise<ExitCode> {
  const client = await connectService(context, options);
  const body = options.force ? { force: true } : {};
  const answer = jsonOf<{ compared: boolean; missing: number }>(
    await client.request("POST", "/v1/sd/confirm", { body }),
  );
  const { out } = context;
  out.line("lists of this store are served from now on");
  if (!answer.compared)
    out.note("Prometheus was not asked: nobody knows whether it scrapes targets that the store lacks");
  if (answer.missing > 0)
    out.note(`Prometheus scrapes ${count(answer.missing, "target")} that the store lacks`);
  out.json(answer);
  return EXIT.ok;
}
