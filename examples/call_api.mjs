// Calls the API as a shop's server: API_URL=http://localhost:8000 MERCHANT_API_KEY=… node call_api.mjs CALL
// The calls: initiate order-1 5000 237677777777, status order-1, link order-1 5000, events 2026-01-15T10:00:00Z
import { existsSync, readFileSync, writeFileSync } from "node:fs";

async function call(method, path, body, headers = {}) {
  const answer = await fetch(`${process.env.API_URL}/api/payment${path}`, {
    method,
    headers: { "X-Api-Key": process.env.MERCHANT_API_KEY, "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const told = await answer.json();
  if (!answer.ok) {
    console.error(`${answer.status} ${told.code}`);
    process.exit(1);
  }
  return told;
}

// Starts a payment. The key is the attempt's own: the same call again, after no answer, charges nobody twice.
async function initiate(orderId, amount, phoneNumber) {
  const order = { orderId, amount: Number(amount), currency: "XAF", phoneNumber };
  const payment = await call("POST", "/initiate", order, { "Idempotency-Key": `${orderId}-attempt-1` });
  console.log(payment.status, payment.reference);
}

async function status(orderId) {
  console.log((await call("GET", `/status/${encodeURIComponent(orderId)}`)).status);
}

async function link(orderId, amount) {
  console.log((await call("POST", "/links", { orderId, amount: Number(amount), currency: "XAF" })).url);
}

// Takes the order events since the last run, or since a time. A shop keeps the cursor with what the events did.
async function events(since) {
  let wanted = existsSync("cursor.txt") ? { after: readFileSync("cursor.txt", "utf8") } : { since };
  let hasMore = true;
  while (hasMore) {
    const page = await call("GET", `/events?${new URLSearchParams(wanted)}`);
    for (const event of page.events) console.log(event.id, event.type, event.data.orderId);
    writeFileSync("cursor.txt", page.next);
    [wanted, hasMore] = [{ after: page.next }, page.hasMore];
  }
}

await { initiate, status, link, events }[process.argv[2]](...process.argv.slice(3));
