/**
 * Makes every connection: Socket.IO to the gateway, and HTTP calls to the API. No other file uses the network.
 * Nothing here decides or throws: a missing answer is a value of its own.
 */

import type { io, Socket } from "socket.io-client";

import {
  CONNECTED,
  type OpenedPayment,
  type OperatorNotice,
  type PaymentEvent,
  type Problem,
  parseOpened,
  parsePaymentEvent,
  parseProblem,
  TRACK,
} from "./paymentContract";
import { socketClient } from "./socketClient";

export interface TrackedPayment {
  /** The Socket.IO gateway's URL, such as https://live.shop.example. */
  readonly gatewayUrl: string;
  /** The API's URL, without /api/payment. */
  readonly apiUrl: string;
  readonly reference: string;
  /** The tracking token from the reply to `initiate`. */
  readonly token: string;
}

export interface SocketListener {
  /** The payment is tracked: from now on every change is pushed. */
  tracked(): void;
  /** The connection is lost; it reconnects by itself. */
  lost(): void;
  /** The token is not valid for this payment; a repetition would be refused too. */
  refused(problem: Problem): void;
  /** The server's current time, in milliseconds since the epoch. */
  serverTime(now: number): void;
  received(payment: PaymentEvent): void;
  /** Every event as received, for display. */
  event(name: string, payload: unknown): void;
}

export interface PaymentSocket {
  /** Reconnects a lost connection, and tests an open one: after a phone slept, it may be dead. */
  revive(): void;
  close(): void;
}

const ACK_TIMEOUT_MS = 6_000;
const RETRACK_AFTER_MS = 10_000;

export interface Wire {
  readonly open: typeof openPaymentSocket;
  readonly read: typeof readPayment;
  readonly giveUp: typeof giveUpPayment;
}

/** A connection, and what it has received so far. */
interface Connected {
  readonly socket: Socket;
  readonly events: (readonly [name: string, payload: unknown])[];
}

/** Connects by WebSocket, or by long-polling where that is blocked. */
function connect(open: typeof io, gatewayUrl: string, reconnection: boolean): Socket {
  return open(gatewayUrl, {
    forceNew: true, // not shared, so that closing it closes the transport
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    withCredentials: true, // the load balancer's cookie keeps long-polling at one gateway
    reconnection,
    reconnectionDelay: 500,
    reconnectionDelayMax: 2_000, // reconnects within 3 s, however long the gateway was away
  });
}

let prepared: (Connected & { readonly gatewayUrl: string; by: object }) | null = null;

/**
 * Connects for the payment that is about to start, so that it need not wait for that. The gateway closes a connection
 * that tracks nothing for 10 s; it is not opened again, since no more customers connect than are about to pay.
 * `by`: the checkout that closes it again, if no payment has taken it; of several, the last that asked for it.
 */
export async function prepareConnection(gatewayUrl: string, by: object): Promise<void> {
  const io = await socketClient();
  if (io === null) return;
  if (prepared?.gatewayUrl === gatewayUrl) {
    prepared.by = by;
    return;
  }
  const socket = connect(io, gatewayUrl, false);
  const mine = { gatewayUrl, by, socket, events: [] as [string, unknown][] };
  prepared = mine;
  socket.onAny((name: string, payload: unknown) => mine.events.push([name, payload]));
  const forget = () => {
    if (prepared === mine) prepared = null;
  };
  socket.on("disconnect", forget).on("connect_error", forget);
}

/** Closes the connection that a checkout has prepared, if no payment has taken it. */
export function dropPrepared(by: object): void {
  if (prepared?.by !== by) return;
  prepared.socket.disconnect();
  prepared = null;
}

function takeConnection(open: typeof io, gatewayUrl: string): Connected {
  const taken = prepared;
  if (taken?.gatewayUrl !== gatewayUrl) return { socket: connect(open, gatewayUrl, true), events: [] };
  prepared = null;
  taken.socket.off().offAny().io.reconnection(true);
  return taken;
}

/** Tracks the payment on a connection of its own, at every connect, as soon as socket.io-client is there. */
export function openPaymentSocket(target: TrackedPayment, on: SocketListener): PaymentSocket {
  let opened: PaymentSocket | null = null;
  let isClosed = false;
  const open = async () => {
    const io = await socketClient();
    if (io && !isClosed) opened ??= track(takeConnection(io, target.gatewayUrl), target, on);
  };
  void open();
  return {
    revive: () => (opened ? opened.revive() : void open()),
    close: () => {
      isClosed = true;
      opened?.close();
    },
  };
}

function track({ socket, events }: Connected, { reference, token }: TrackedPayment, on: SocketListener): PaymentSocket {
  let retrack: ReturnType<typeof setTimeout> | undefined;
  const reconnect = () => void socket.disconnect().connect();

  const ask = () => {
    clearTimeout(retrack);
    socket.timeout(ACK_TIMEOUT_MS).emit(TRACK, { reference, token }, (late: Error | null, ack: unknown) => {
      if (late === null && isOk(ack)) {
        receive(ack.payment);
        on.tracked();
        return;
      }
      if (late !== null) {
        // No answer came in time: the connection is dead. This is reached for a closed socket too.
        if (socket.connected) reconnect();
        return;
      }
      const problem = problemOfAck(ack);
      if (problem?.code === "invalid_token") on.refused(problem);
      else retrack = setTimeout(ask, RETRACK_AFTER_MS);
    });
  };

  const receive = (payload: unknown) => {
    const parsed = parsePaymentEvent(payload);
    if (parsed.ok && parsed.event.reference === reference) on.received(parsed.event);
  };

  socket.on("connect", ask);
  socket.on("disconnect", (reason) => {
    clearTimeout(retrack);
    on.lost();
    if (reason === "io server disconnect") socket.connect(); // the only case in which the client does not reconnect
  });
  const hear = (name: string, payload: unknown) => {
    if (name === CONNECTED) on.serverTime(timeOf(payload));
    else receive(payload);
    on.event(name, payload);
  };
  socket.onAny(hear);
  for (const [name, payload] of events) hear(name, payload);
  if (socket.connected) ask();

  return {
    revive: () => (socket.connected ? ask() : reconnect()),
    close: () => {
      clearTimeout(retrack);
      socket.off().offAny();
      socket.disconnect();
    },
  };
}

export type TrackingAnswer =
  | { readonly kind: "payment"; readonly payment: PaymentEvent }
  | { readonly kind: "refused"; readonly problem: Problem }
  | { readonly kind: "unreachable" };

/** Reads the payment from the API, which asks CamPay where that is due. */
export function readPayment(target: TrackedPayment, signal: AbortSignal): Promise<TrackingAnswer> {
  return callTracking(target, "GET", "", signal);
}

/** Ends the wait for an approval. Where CamPay already knows the outcome, the reply has that instead. */
export function giveUpPayment(target: TrackedPayment, signal: AbortSignal): Promise<TrackingAnswer> {
  return callTracking(target, "POST", "/give-up", signal);
}

async function callTracking(
  { apiUrl, reference, token }: TrackedPayment,
  method: "GET" | "POST",
  action: string,
  signal: AbortSignal,
): Promise<TrackingAnswer> {
  const url = `${apiUrl}/api/payment/tracking/${encodeURIComponent(reference)}${action}`;
  const answer = await call(url, { method, headers: { Authorization: `Bearer ${token}` } }, signal);
  if (answer === null) return { kind: "unreachable" };
  const parsed = parsePaymentEvent(answer.body);
  if (parsed.ok) return { kind: "payment", payment: parsed.event };
  return answer.status === 401 && answer.problem
    ? { kind: "refused", problem: answer.problem }
    : { kind: "unreachable" };
}

/** Returns whether the API answers. The call carries nothing of a payment, so that it may be lost or repeated. */
export async function reachApi(apiUrl: string, signal: AbortSignal): Promise<boolean> {
  return (await call(`${apiUrl}/api/payment/health`, {}, signal)) !== null;
}

/** The order signed by the shop; only in development an unsigned one. */
export type Order =
  | { readonly orderToken: string }
  | { readonly orderId: string; readonly amount: number; readonly currency: string };

export interface InitiateCall {
  readonly apiUrl: string;
  readonly order: Order;
  /** The phone number: 237, then nine digits. */
  readonly phoneNumber: string;
  /** The idempotency key, the same for every repetition of an attempt. */
  readonly idempotencyKey: string;
  readonly locale: string;
}

export type InitiateAnswer =
  | { readonly kind: "initiated"; readonly opened: OpenedPayment }
  | { readonly kind: "refused"; readonly problem: Problem }
  /** No answer came, and a prompt may be on the phone: only the same key may be sent again. */
  | { readonly kind: "unknown" };

export async function initiatePayment(
  { apiUrl, order, phoneNumber, idempotencyKey, locale }: InitiateCall,
  signal: AbortSignal,
): Promise<InitiateAnswer> {
  const request = {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "Accept-Language": locale,
      "Idempotency-Key": idempotencyKey,
    },
    body: JSON.stringify({ ...order, phoneNumber, locale }),
  };
  const answer = await call(`${apiUrl}/api/payment/initiate`, request, signal, INITIATE_TIMEOUT_MS);
  const opened = parseOpened(answer?.body);
  if (opened) return { kind: "initiated", opened };
  const problem = answer?.problem;
  return problem && problem.code !== "internal_error" ? { kind: "refused", problem } : { kind: "unknown" };
}

/** What is known of an order that is opened. */
export interface CurrentAnswer {
  /** The payment that has paid the order or is in progress; null where there is none, or no answer came. */
  readonly opened: OpenedPayment | null;
  readonly operatorNotice: OperatorNotice;
}

/** Asks for the payment that an order has already. */
export async function currentPayment(
  { apiUrl, order }: Pick<InitiateCall, "apiUrl" | "order">,
  signal: AbortSignal,
): Promise<CurrentAnswer> {
  const url = `${apiUrl}/api/payment/current`;
  const answer =
    "orderToken" in order
      ? await call(url, { headers: { Authorization: `Bearer ${order.orderToken}` } }, signal)
      : await call(`${url}?orderId=${encodeURIComponent(order.orderId)}`, {}, signal);
  const opened = parseOpened(answer?.body);
  const told = answer?.operatorNotice?.split(", ") ?? [];
  return { opened, operatorNotice: opened ? opened.operatorNotice : told };
}

export const wire: Wire = { open: openPaymentSocket, read: readPayment, giveUp: giveUpPayment };

const READ_TIMEOUT_MS = 10_000;
/** Longest wait for a reply: the API gives CamPay 20 s, and API Gateway ends every call after 29 s. */
const INITIATE_TIMEOUT_MS = 30_000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly problem: Problem | null;
  /** What an answer without a body says of the operators. */
  readonly operatorNotice: string | null;
}

/** Makes a call; returns null where no JSON came back in time. An answer without a body (204) has null in its place. */
async function call(
  url: string,
  request: RequestInit,
  signal: AbortSignal,
  timeoutMs = READ_TIMEOUT_MS,
): Promise<Answer | null> {
  const limit = new AbortController();
  const abort = () => limit.abort();
  const timer = setTimeout(abort, timeoutMs);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    const response = await fetch(url, { ...request, cache: "no-store", signal: limit.signal });
    const body: unknown = response.status === 204 ? null : await response.json();
    const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    const problem = response.ok ? null : parseProblem(body, Number.isNaN(retryAfter) ? null : retryAfter);
    return { status: response.status, body, problem, operatorNotice: response.headers.get("Operator-Notice") };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function isOk(ack: unknown): ack is { ok: true; payment: unknown } {
  return typeof ack === "object" && ack !== null && (ack as { ok?: unknown }).ok === true;
}

/** Converts a gateway's refusal, which has a `message` where the API's has a `detail`. */
function problemOfAck(ack: unknown): Problem | null {
  return parseProblem({ ...(ack as object), detail: (ack as { message?: unknown } | null)?.message });
}

function timeOf(payload: unknown): number {
  return Date.parse(String((payload as { timestamp?: unknown } | null)?.timestamp));
}
