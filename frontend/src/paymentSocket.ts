/**
 * The only file that touches the wire: the Socket.IO connection to the gateway, and the calls to the API.
 * Nothing here decides anything, and nothing throws: what is no answer is told as such.
 */

import { io } from "socket.io-client";

import {
  CONNECTED,
  type InitiatedPayment,
  type PaymentEvent,
  type Problem,
  parseInitiated,
  parsePaymentEvent,
  parseProblem,
  TRACK,
} from "./paymentContract";

export interface TrackedPayment {
  /** Where the Socket.IO gateway is, such as https://live.shop.example. */
  readonly gatewayUrl: string;
  /** Where the API is, without /api/payment. */
  readonly apiUrl: string;
  readonly reference: string;
  /** The tracking token that `initiate` answered with. */
  readonly token: string;
}

export interface SocketListener {
  /** From now on every change comes by itself. */
  tracked(): void;
  /** The connection is gone; it comes back by itself. */
  lost(): void;
  /** The token does not open this payment: trying again is of no use. */
  refused(problem: Problem): void;
  /** The server's time, milliseconds since the epoch, at this moment. */
  serverTime(now: number): void;
  received(payment: PaymentEvent): void;
  /** Every event as it came, for whoever wants to look at them. */
  event(name: string, payload: unknown): void;
}

export interface PaymentSocket {
  /** Connects now where it is down; where it seems up, has it proved, since a phone that slept holds dead ones. */
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

/** WebSocket first, long-polling where that does not get through. Tracks anew at every connection. */
export function openPaymentSocket({ gatewayUrl, reference, token }: TrackedPayment, on: SocketListener): PaymentSocket {
  const socket = io(gatewayUrl, {
    forceNew: true, // ours alone, so that closing it closes everything
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    withCredentials: true, // long-polling comes back to its own gateway by the load balancer's cookie
    reconnectionDelay: 500,
    reconnectionDelayMax: 2_000, // however long the gateway was away, its return is seen within 3 s
  });
  let retrack: ReturnType<typeof setTimeout> | undefined;
  const reconnect = () => void socket.disconnect().connect();

  const track = () => {
    clearTimeout(retrack);
    socket.timeout(ACK_TIMEOUT_MS).emit(TRACK, { reference, token }, (late: Error | null, ack: unknown) => {
      if (late === null && isOk(ack)) {
        receive(ack.payment);
        on.tracked();
        return;
      }
      if (late !== null) {
        // No answer came in time, and the connection is dead; where it is closed already, this is said as well.
        if (socket.connected) reconnect();
        return;
      }
      const problem = problemOfAck(ack);
      if (problem?.code === "invalid_token") on.refused(problem);
      else retrack = setTimeout(track, RETRACK_AFTER_MS);
    });
  };

  const receive = (payload: unknown) => {
    const parsed = parsePaymentEvent(payload);
    if (parsed.ok && parsed.event.reference === reference) on.received(parsed.event);
  };

  socket.on("connect", track);
  socket.on("disconnect", (reason) => {
    clearTimeout(retrack);
    on.lost();
    if (reason === "io server disconnect") socket.connect(); // the one case that the client takes for a farewell
  });
  socket.onAny((name: string, payload: unknown) => {
    if (name === CONNECTED) on.serverTime(timeOf(payload));
    else receive(payload);
    on.event(name, payload);
  });

  return {
    revive: () => (socket.connected ? track() : reconnect()),
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

/** What the API knows now; it asks CamPay where that is due. */
export function readPayment(target: TrackedPayment, signal: AbortSignal): Promise<TrackingAnswer> {
  return callTracking(target, "GET", "", signal);
}

/** Ends the wait for an approval, unless CamPay knows how the payment ended: then that is the answer. */
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

/** Whether the API answers. Nothing of a payment is in this call, so that it may be lost, repeated and thrown away. */
export async function reachApi(apiUrl: string, signal: AbortSignal): Promise<boolean> {
  return (await call(`${apiUrl}/api/payment/health`, {}, signal)) !== null;
}

/** The shop's signed order; in development and nowhere else, the bare one. */
export type Order =
  | { readonly orderToken: string }
  | { readonly orderId: string; readonly amount: number; readonly currency: string };

export interface InitiateCall {
  readonly apiUrl: string;
  readonly order: Order;
  /** 237, then nine digits. */
  readonly phoneNumber: string;
  /** The same for every repetition of one attempt. */
  readonly idempotencyKey: string;
  readonly locale: string;
}

export type InitiateAnswer =
  | { readonly kind: "initiated"; readonly payment: InitiatedPayment }
  | { readonly kind: "refused"; readonly problem: Problem }
  /** A prompt may be on the phone: only the same key may be sent again. */
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
  const payment = parseInitiated(answer?.body);
  if (payment) return { kind: "initiated", payment };
  const problem = answer?.problem;
  return problem && problem.code !== "internal_error" ? { kind: "refused", problem } : { kind: "unknown" };
}

export const wire: Wire = { open: openPaymentSocket, read: readPayment, giveUp: giveUpPayment };

const READ_TIMEOUT_MS = 10_000;
/** The API gives CamPay 20 s, and API Gateway ends every call after 29 s. */
const INITIATE_TIMEOUT_MS = 30_000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly problem: Problem | null;
}

/** Null where no JSON came back in time. */
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
    const body: unknown = await response.json();
    const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    const problem = response.ok ? null : parseProblem(body, Number.isNaN(retryAfter) ? null : retryAfter);
    return { status: response.status, body, problem };
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

/** The gateway's refusal has a `message` where the API's has a `detail`. */
function problemOfAck(ack: unknown): Problem | null {
  return parseProblem({ ...(ack as object), detail: (ack as { message?: unknown } | null)?.message });
}

function timeOf(payload: unknown): number {
  return Date.parse(String((payload as { timestamp?: unknown } | null)?.timestamp));
}
