import { serve } from "./serve.ts";

/** What a caller sent. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** What the service answers; a function is asked anew each time. */
export interface ScriptedAnswer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Cuts the connection instead. */
  readonly cut?: boolean;
}

/** A target service that says what it is told to, by `METHOD /path` without its query. */
export async function scriptedService(
  answer: (request: SeenRequest) => ScriptedAnswer | Promise<ScriptedAnswer>,
): Promise<{ url: string; seen: SeenRequest[] }> {
  const seen: SeenRequest[] = [];
  const url = await serve(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const asked: SeenRequest = {
      method: request.method ?? "",
      path: request.url ?? "",
      authorization: request.headers.authorization,
      body: text === "" ? undefined : JSON.parse(text),
      headers: request.headers,
    };
    seen.push(asked);
    const { status = 200, body, headers = {}, cut } = await answer(asked);
    if (cut) return void request.socket.destroy();
    const type = status >= 400 ? "application/problem+json" : "application/json";
    response.writeHead(status, { "content-type": type, ...headers });
    response.end(body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body));
  });
  return { url, seen };
}

/** A problem document as the service writes it. */
export function problem(status: number, code: string, more: object = {}): ScriptedAnswer {
  return {
    status,
    body: { type: `urn:promferry:problem:${code}`, title: "No", status, code, detail: "so", ...more },
  };
}
