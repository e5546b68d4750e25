// Connects official clients to the operators' namespace: `node operators.mjs URL`, with a line of JSON on its standard
// input: [{"version", "transports", "auth", "origin"}, ...].
//
// Everything that happens to a client is a line of JSON: {"client": its number, "kind": "connect" | "refused" |
// "disconnect" | "event"}. The process ends with its standard input.
import { createInterface } from "node:readline";

const [url] = process.argv.slice(2);

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function run({ version, transports, auth, origin }, client) {
  const { io } = await import(`socket.io-client-${version}`);
  const extraHeaders = origin ? { origin } : {};
  const socket = io(`${url}/operator`, { transports, auth, extraHeaders, forceNew: true, reconnectionDelayMax: 1000 });
  socket.on("connect", () => print({ client, kind: "connect" }));
  socket.on("connect_error", ({ message }) => print({ client, kind: "refused", message }));
  socket.on("disconnect", (reason) => print({ client, kind: "disconnect", reason }));
  socket.onAny((name, payload) => {
    print({ client, kind: "event", name, payload, transport: socket.io.engine.transport.name });
  });
}

const input = createInterface({ input: process.stdin });
input.once("line", (line) => JSON.parse(line).forEach(run));
input.once("close", () => process.exit(0));
