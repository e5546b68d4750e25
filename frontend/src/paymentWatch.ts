/**
 * What a screen knows of one payment, and how it keeps knowing: pushed by the gateway, read from the API while
 * the connection is down or too quiet, read at once when the customer comes back. Knows no framework.
 */

import { isNewer, type PaymentEvent, type PaymentStatus, type Problem } from "./paymentContract";
import { type PaymentSocket, type TrackedPayment, type Wire, wire } from "./paymentSocket";

/**
 * `connecting`: for the first time. `reconnecting`: it was there, and comes back by itself. `offline`: the
 * browser says that it has no network. `refused`: the token does not open this payment (any more).
 */
export type Connection = "connecting" | "connected" | "reconnecting" | "offline" | "refused" | "stopped";

export interface WatchState {
  /** The newest version seen; only ever a newer one replaces it. */
  readonly payment: PaymentEvent | null;
  readonly connection: Connection;
  /** Why it was refused. */
  readonly problem: Problem | null;
  /** Milliseconds to add to this device's clock for the server's: phones go wrong by hours. */
  readonly clockOffset: number;
}

export interface WatchHandlers {
  /** A newer version of the payment; `previous` is null for the first one seen. */
  readonly onChange?: ((payment: PaymentEvent, previous: PaymentEvent | null) => void) | undefined;
  /** Every Socket.IO event as it came, also what was seen before. */
  readonly onEvent?: ((name: string, payload: unknown) => void) | undefined;
}

/** Runs while somebody is subscribed; the last one who leaves ends every timer, listener and connection. */
export interface PaymentWatch {
  readonly getState: () => WatchState;
  readonly subscribe: (listener: () => void) => () => void;
  /** Reads the payment now, and connects now where the connection is down. */
  readonly refetch: () => Promise<void>;
  /** For good. */
  readonly stop: () => void;
  /** May be replaced at any time. */
  handlers: WatchHandlers;
}

/** With these the outcome is known. EXPIRED is not among them: an approval that comes later still counts. */
const FINAL: readonly PaymentStatus[] = ["SUCCESSFUL", "FAILED"];

export function isFinal(payment: PaymentEvent | null): boolean {
  return payment !== null && FINAL.includes(payment.status);
}

/** How often it is asked although the connection is up: this is what makes good a lost webhook. */
const QUIET_MS = 15_000;
const DOWN_MS = 3_000;
const DOWN_MAX_MS = 10_000;
const GROWTH = 1.4;
const JITTER = 0.15;

const NOTHING: WatchState = { payment: null, connection: "stopped", problem: null, clockOffset: 0 };

export function createPaymentWatch(target: TrackedPayment | null, over: Wire = wire): PaymentWatch {
  let state: WatchState = NOTHING;
  let running: Running | null = null;
  let stopped = target === null;
  const listeners = new Set<() => void>();

  const set = (change: Partial<WatchState>) => {
    state = { ...state, ...change };
    for (const listener of listeners) listener();
  };
  const end = () => {
    running?.end();
    running = null;
  };
  const watch: PaymentWatch = {
    handlers: {},
    getState: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      if (!stopped && target) running ??= run(target, over, watch, set);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) end();
      };
    },
    refetch: async () => running?.wake(),
    stop: () => {
      stopped = true;
      end();
      set({ connection: "stopped" });
    },
  };
  if (target) state = { ...NOTHING, connection: "connecting" };
  return watch;
}

interface Running {
  wake(): Promise<void>;
  end(): void;
}

function run(
  target: TrackedPayment,
  over: Wire,
  watch: PaymentWatch,
  set: (change: Partial<WatchState>) => void,
): Running {
  let ended = false;
  let tracked = false;
  let wasTracked = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading = new AbortController();
  let socket: PaymentSocket | null = null;
  let clockOffset = Number.NEGATIVE_INFINITY;

  const connection = (): Connection => {
    if (tracked) return "connected";
    if (navigator.onLine === false) return "offline";
    return wasTracked ? "reconnecting" : "connecting";
  };

  /** A payload is never from the future, so of all differences the largest is the nearest to the truth. */
  const learnTime = (serverTime: number) => {
    const offset = serverTime - Date.now();
    if (!(offset > clockOffset)) return;
    clockOffset = offset;
    set({ clockOffset });
  };

  const receive = (payment: PaymentEvent) => {
    learnTime(Date.parse(payment.timestamp));
    const previous = watch.getState().payment;
    if (!isNewer(payment, previous)) return;
    set({ payment });
    watch.handlers.onChange?.(payment, previous);
  };

  const refuse = (problem: Problem) => {
    end();
    set({ connection: "refused", problem });
  };

  const plan = () => {
    clearTimeout(timer);
    // Nobody looks at a hidden page; it is read when it is shown again.
    if (ended || isFinal(watch.getState().payment) || document.visibilityState === "hidden") return;
    const delay = tracked ? QUIET_MS : Math.min(DOWN_MS * GROWTH ** failures, DOWN_MAX_MS);
    timer = setTimeout(read, delay * (1 - JITTER + 2 * JITTER * Math.random()));
  };

  const read = async () => {
    clearTimeout(timer);
    reading.abort(); // one that began before the network went may hang
    const mine = new AbortController();
    reading = mine;
    const answer = await over.read(target, mine.signal);
    if (ended || mine.signal.aborted) return;
    failures += 1;
    if (answer.kind === "payment") receive(answer.payment);
    if (answer.kind === "refused") refuse(answer.problem);
    else plan();
  };

  const wake = async () => {
    if (ended) return;
    failures = 0;
    socket?.revive();
    set({ connection: connection() });
    await read();
  };

  const changed = () => {
    if (ended) return;
    set({ connection: connection() });
    plan();
  };
  const visibilityChanged = () => {
    if (document.visibilityState === "hidden") plan();
    else void wake();
  };
  const online = () => void wake();
  const pageShown = (event: PageTransitionEvent) => {
    if (event.persisted) void wake(); // out of the browser's back-forward cache, its connection dead
  };

  const end = () => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    reading.abort();
    socket?.close();
    document.removeEventListener("visibilitychange", visibilityChanged);
    window.removeEventListener("online", online);
    window.removeEventListener("offline", changed);
    window.removeEventListener("pageshow", pageShown);
  };

  document.addEventListener("visibilitychange", visibilityChanged);
  window.addEventListener("online", online);
  window.addEventListener("offline", changed);
  window.addEventListener("pageshow", pageShown);
  socket = over.open(target, {
    tracked: () => {
      tracked = wasTracked = true;
      failures = 0;
      changed();
    },
    lost: () => {
      tracked = false;
      changed();
    },
    refused: refuse,
    serverTime: (now) => {
      clockOffset = Number.NEGATIVE_INFINITY; // the device's clock may have been set meanwhile
      learnTime(now);
    },
    received: receive,
    event: (name, payload) => watch.handlers.onEvent?.(name, payload),
  });
  changed();
  return { wake, end };
}
