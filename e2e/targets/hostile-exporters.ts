import type { RequestListener } from "node:http";
import { gzipSync } from "node:zlib";

/** What exporters answer that were taken over, by what it is. None of it may be stored, and `location` not be asked. */
export function hostileExporters(location: string): Readonly<Record<string, RequestListener>> {
  const many = (count: number, line: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join("");
  const text = { "content-type": "text/plain; version=0.0.4" };
  return {
    ...Object.fromEntries(
      [301, 302, 303, 307, 308].map((status): [string, RequestListener] => [
        `redirect ${status}`,
        (_, response) => void response.writeHead(status, { location }).end(),
      ]),
    ),
    "a refresh header": (_, response) =>
      void response.writeHead(500, { refresh: `0; url=${location}` }).end(),
    "17 MB": (_, response) =>
      void response.writeHead(200, text).end(many(17 * 1024, () => `# ${"x".repeat(1021)}\n`)),
    "17 MB in 17 kB": (_, response) =>
      void response
        .writeHead(200, { ...text, "content-encoding": "gzip" })
        .end(gzipSync(many(17 * 1024, () => `# ${"x".repeat(1021)}\n`))),
    "10,001 series": (_, response) =>
      void response.writeHead(200, text).end(many(10_001, (i) => `flood{n="${i}"} 1\n`)),
    "65 labels": (_, response) =>
      void response.writeHead(200, text).end(`flood{${many(65, (i) => `l${i}="x",`)}} 1\n`),
    "a label's name of 129": (_, response) =>
      void response.writeHead(200, text).end(`flood{${"l".repeat(129)}="x"} 1\n`),
    "a label's value of 1,025": (_, response) =>
      void response.writeHead(200, text).end(`flood{l="${"x".repeat(1_025)}"} 1\n`),
    "an endless page": (_, response) => {
      response.writeHead(200, text);
      const more = (): void =>
        void (!response.destroyed && response.write("# \n".repeat(9_000), () => setTimeout(more, 20)));
      more();
    },
    silence: () => {},
    "a page for people": (_, response) => void response.writeHead(200, text).end("<html>flood 1</html>"),
  };
}
