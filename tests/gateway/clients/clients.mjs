// Runs official clients of several versions in one process: `node clients.mjs URL`, with a line of JSON on its standard
// input: [{"version", "transports", "requests": [{"reference", "token"}, ...]}, ...].
//
// At every connect each tracks its payments, as a page does. Everything that happens to a client is a line of JSON:
// {"client": its number, "kind": "connect" | "disconnect" | "ack" | "event"}. The process ends with its standard input.
import { createInterface } from "node:readline";

const [url] = process.argv.slice(2);

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function run({ version, transports, requests }, client) {
  const { io } = await import(`socket.io-client-${version}`);
  const socket = io(url, { transports, forceNew: true, reconnectionDelayMax: 1000 });
  socket.on("connect", () => {
    print({ client, kind: "connect" });
    for (const request of requests) socket.emit("track-payment", request, (ack) => print({ client, kind: "ack", ack }));
  });
  socket.on("disconnect", (reason) => print({ client, kind: "disconnect", reason }));
  socket.onAny((name, payload) => {
    if (!name.startsWith("payment-")) return;
    print({ client, kind: "event", name, payload, transport: socket.io.engine.transport.name });
  });
}

const input = createInterface({ input: process.stdin });
input.once("line", (line) => JSON.parse(line).forEach(run));
input.once("close", () => process.exit(0));
