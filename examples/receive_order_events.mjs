// Takes order events at a shop: PORT=3000 ORDER_EVENTS_KEY=whsec_… EVENTS_DIR=events node receive_order_events.mjs
// Files stand for the shop's database, where the order and the event's id are written in one transaction.
import { createHmac, timingSafeEqual } from "node:crypto";
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const key = Buffer.from(process.env.ORDER_EVENTS_KEY.replace(/^whsec_/, ""), "base64");
const folder = process.env.EVENTS_DIR;

function isGenuine(id, sentAt, signatures, body) {
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(`${id}.${sentAt}.`).update(body).digest("base64")}`);
  const isFresh = /^\d+$/.test(sentAt) && Math.abs(Date.now() / 1000 - Number(sentAt)) <= 300;
  const given = signatures.split(" ").map((it) => Buffer.from(it));
  return isFresh && given.some((it) => it.length === expected.length && timingSafeEqual(it, expected));
}

function handle({ type, data }) {
  const notes = {
    "payment.successful": "paid", // also after payment.expired or payment.failed
    "payment.duplicate": "paid twice, give the money back:",
    "payment.refunded": `${data.refundedAmount} given back:`, // the order stays paid
  };
  if (type in notes) appendFileSync(`${folder}/orders.txt`, `${notes[type]} ${data.orderId}\n`);
}

createServer(async (request, response) => {
  const [id, sentAt, signatures] = ["id", "timestamp", "signature"].map((it) => request.headers[`webhook-${it}`] ?? "");
  const body = Buffer.concat(await request.toArray());
  if (!isGenuine(id, sentAt, signatures, body)) return response.writeHead(401).end();
  if (!existsSync(`${folder}/${id}`)) {
    handle(JSON.parse(body));
    writeFileSync(`${folder}/${id}`, "");
  }
  response.writeHead(200).end(); // also where it was told before: an error would have it sent again
}).listen(Number(process.env.PORT), "127.0.0.1");
