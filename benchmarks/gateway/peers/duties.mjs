// What the gateway does, written for socket.io as a careful team would write it: check the token, subscribe, show the
// newest version, check each message's fields, send only what is newer, keep a registry. Both peers run it.
import { createHmac, timingSafeEqual } from "node:crypto";
import { Redis } from "ioredis";

const EVENTS_OF_STATUS = {
  INITIATING: ["payment-status"],
  CONFLICTED: ["payment-status"],
  PENDING: ["payment-initiated", "payment-status"],
  SUCCESSFUL: ["payment-status", "payment-success", "payment-completed"],
  FAILED: ["payment-status", "payment-failed", "payment-completed"],
  EXPIRED: ["payment-status", "payment-failed", "payment-completed"],
};
const TEXT = ["reference", "orderId", "provider", "currency", "phoneNumber", "message", "createdAt", "updatedAt", "expiresAt", "timestamp"];
const TEXT_OR_NULL = ["providerReference", "campayReference", "operator", "operatorReference", "reason", "failureCode", "ussdCode", "orderPaidBy"];
const WHOLE = ["amount", "version"];
const YES_OR_NO = ["late", "duplicate"];

const channelOf = (reference) => `payment:{${reference}}`;

function decode(text) {
  const event = JSON.parse(text);
  const isSound =
    TEXT.every((name) => typeof event[name] === "string") &&
    TEXT_OR_NULL.every((name) => event[name] === null || typeof event[name] === "string") &&
    WHOLE.every((name) => Number.isSafeInteger(event[name])) &&
    YES_OR_NO.every((name) => typeof event[name] === "boolean") &&
    event.status in EVENTS_OF_STATUS;
  return isSound ? event : null;
}

function isGranted(token, reference, key) {
  const [head, claims, signature] = token.split(".");
  const ours = createHmac("sha256", key).update(`${head}.${claims}`).digest();
  const theirs = Buffer.from(signature ?? "", "base64url");
  if (theirs.length !== ours.length || !timingSafeEqual(ours, theirs)) return false;
  const grant = JSON.parse(Buffer.from(claims, "base64url").toString());
  return grant.reference === reference && grant.exp * 1000 > Date.now();
}

export function serve(io, { redisPort, key }) {
  const commands = new Redis(redisPort);
  const subscriber = new Redis(redisPort);
  const tracked = new Map(); // reference -> { newest, sockets }
  const changed = new Map(); // socket id -> its record, null where it has left

  const show = (target, event) => {
    for (const name of EVENTS_OF_STATUS[event.status]) target.emit(name, event);
  };

  const received = (payment, event) => {
    if (event === null || event.version <= (payment.newest?.version ?? 0)) return;
    payment.newest = event;
    show(io.to(channelOf(event.reference)), event);
  };

  subscriber.on("message", (channel, text) => {
    const payment = tracked.get(channel);
    if (payment !== undefined) received(payment, decode(text));
  });

  setInterval(() => {
    if (changed.size === 0) return;
    const pipeline = commands.pipeline();
    for (const [id, record] of changed) {
      if (record === null) pipeline.del(`client:${id}`);
      else pipeline.set(`client:${id}`, JSON.stringify(record), "EX", 86400);
    }
    changed.clear();
    pipeline.exec().catch(() => {});
  }, 200);

  const track = async (socket, { reference, token }) => {
    if (!isGranted(token, reference, key)) return { ok: false, code: "invalid_token" };
    const channel = channelOf(reference);
    const payment = tracked.get(channel) ?? { newest: null, sockets: 0 };
    tracked.set(channel, payment);
    payment.sockets += 1;
    await subscriber.subscribe(channel);
    const text = await commands.get(channel);
    if (text !== null) received(payment, decode(text));
    if (payment.newest !== null) show(socket, payment.newest);
    socket.join(channel);
    socket.data.channels = [...(socket.data.channels ?? []), channel];
    changed.set(socket.id, { gateway: "peer", connectedAt: new Date().toISOString(), payments: [reference] });
    return { ok: true, payment: payment.newest };
  };

  io.on("connection", (socket) => {
    changed.set(socket.id, { gateway: "peer", connectedAt: new Date().toISOString(), payments: [] });
    socket.emit("connected", { message: "connected", socketId: socket.id, timestamp: new Date().toISOString() });
    socket.on("track-payment", (request, ack) => {
      track(socket, request).then(ack, () => ack({ ok: false, code: "internal_error" }));
    });
    socket.on("disconnect", () => {
      changed.set(socket.id, null);
      for (const channel of socket.data.channels ?? []) {
        const payment = tracked.get(channel);
        payment.sockets -= 1;
        if (payment.sockets === 0) {
          tracked.delete(channel);
          subscriber.unsubscribe(channel);
        }
      }
    });
  });
}

export const options = {
  serveClient: false,
  perMessageDeflate: false,
  maxHttpBufferSize: 8192,
  transports: ["websocket", "polling"],
  cors: { origin: "https://shop.example", credentials: true },
};
