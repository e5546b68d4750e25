#!/usr/bin/env node
// Watches one payment with the official Socket.IO client and its default options.
//
//   node track-payment.mjs GATEWAY_URL REFERENCE TOKEN [--until STATUS] [--seconds N]
//
// Prints one line of JSON per message received: {"event", "version", "status"}; the answer to
// tracking is printed as the event "ack". Ends with exit code 0 after `payment-completed` (with
// --until: only when its status is STATUS, so that a late success can be awaited), or after N
// seconds; with 1 when the gateway refuses to let us track; with 2 when called wrongly.

import { parseArgs } from "node:util";

import { io } from "socket.io-client";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { until: { type: "string" }, seconds: { type: "string" } },
});
const [gatewayUrl, reference, token] = positionals;
const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
if (!token || Number.isNaN(seconds)) {
  console.error("usage: node track-payment.mjs GATEWAY_URL REFERENCE TOKEN [--until STATUS] [--seconds N]");
  process.exit(2);
}

const socket = io(gatewayUrl);
let over = false;
let answered = false;
const timer = seconds === undefined ? undefined : setTimeout(() => end(0), seconds * 1000);

// At every connection, not once: after a lost connection the gateway knows nothing of us.
socket.on("connect", () => socket.emit("track-payment", { reference, token }, acknowledged));

socket.onAny((event, payload) => {
  print({ event, version: payload?.version, status: payload?.status });
  if (event === "payment-completed" && (values.until ?? payload.status) === payload.status) over = true;
  if (over && answered) end(0); // the answer to tracking comes after the events of the present version
});

socket.on("connect_error", (error) => console.error(`not connected: ${error.message}`));

function acknowledged(answer) {
  const { ok, code, message, payment } = answer;
  print({
    event: "ack",
    ok,
    version: payment?.version,
    status: payment?.status,
    code,
    message: ok ? undefined : message,
  });
  answered = true;
  if (!ok || over) end(ok ? 0 : 1);
}

function print(line) {
  console.log(JSON.stringify(line)); // what is undefined is left out
}

// Not process.exit(): it would cut off what a pipe has not taken yet.
function end(code) {
  process.exitCode = code;
  clearTimeout(timer);
  socket.disconnect();
}
