/** One connection of HTTP/1.1 with one request at a time: as cheap as it can be, so that the load takes little of a core. */
import { connect } from "node:net";

export interface Answer {
  readonly status: number;
  /** Head and body. */
  readonly text: string;
}

export interface Connection {
  /** Sends the bytes of one request. */
  send(request: string): Promise<Answer>;
  close(): void;
}

export async function openConnection(host: string, port: number): Promise<Connection> {
  const socket = connect({ host, port, noDelay: true });
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  let held = "";
  const fail = (error: Error): void => {
    waiting?.reject(error);
    waiting = undefined;
  };
  socket.on("data", (chunk) => {
    held = held === "" ? chunk.toString("latin1") : held + chunk.toString("latin1");
    const head = held.indexOf("\r\n\r\n");
    if (head === -1) return;
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(held.slice(0, head + 2))?.[1] ?? 0;
    if (held.length < head + 4 + Number(length)) return;
    const answer = { status: Number(held.slice(9, 12)), text: held };
    held = "";
    const { resolve } = waiting!;
    waiting = undefined;
    resolve(answer);
  });
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the connection was closed")));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request, "latin1");
      }),
    close: () => socket.destroy(),
  };
}

export function requestText(line: string, headers: Readonly<Record<string, string>>, body: string): string {
  const lines = Object.entries({ host: "bench", ...headers, "content-length": `${Buffer.byteLength(body)}` });
  return `${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;
}
