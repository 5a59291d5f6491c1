/**
 * A remote-write receiver that reads and drops: answers 204 to every POST and tells under `/` how many requests and
 * bytes came. Prints its port. Ends with its standard input.
 */
import { createServer } from "node:http";

let requests = 0;
let bytes = 0;
const server = createServer((request, response) => {
  if (request.method !== "POST") {
    response.end(JSON.stringify({ requests, bytes }));
    return;
  }
  request.on("data", (/** @type {Buffer} */ chunk) => {
    bytes += chunk.length;
  });
  request.on("end", () => {
    requests++;
    response.writeHead(204).end();
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(/** @type {import("node:net").AddressInfo} */ (server.address()).port);
});
process.stdin.resume().on("end", () => process.exit());
