// Calls the API as a shop's server: API_URL=http://localhost:8000 MERCHANT_API_KEY=… node call_api.mjs CALL
// The calls: initiate order-1 5000 237677777777, current order-1, status order-1, tracking REFERENCE, link order-1 5000,
// cancel LINK_URL, events 2026-01-15T10:00:00Z
import { existsSync, readFileSync, writeFileSync } from "node:fs";

async function call(method, path, body, headers = {}) {
  const answer = await fetch(`${process.env.API_URL}/api/payment${path}`, {
    method,
    headers: { "X-Api-Key": process.env.MERCHANT_API_KEY, "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const told = answer.status === 204 ? null : await answer.json();
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

// Looks for the payment that an order has, paid or in progress. Its trackingToken opens it to the shop's page.
async function current(orderId) {
  const payment = await call("GET", `/current?${new URLSearchParams({ orderId })}`);
  console.log(payment ? `${payment.status} ${payment.reference}` : "none");
}

async function status(orderId) {
  console.log((await call("GET", `/status/${encodeURIComponent(orderId)}`)).status);
}

// Asks for one payment, which may be another attempt than the order's status is of.
async function tracking(reference) {
  console.log((await call("GET", `/tracking/${reference}`)).status);
}

async function link(orderId, amount) {
  console.log((await call("POST", "/links", { orderId, amount: Number(amount), currency: "XAF" })).url);
}

// Cancels a payment link. What is on a phone already goes on.
async function cancel(linkUrl) {
  console.log((await call("DELETE", `/links/${linkUrl.split("/").pop()}`)).status);
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

await { initiate, current, status, tracking, link, cancel, events }[process.argv[2]](...process.argv.slice(3));
