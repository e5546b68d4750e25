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

/** `asking`: the call that gives the payment up is under way. `unanswered`: it is not known to have changed anything. */
export type GivingUp = "idle" | "asking" | "unanswered";

export interface WatchState {
  /** The newest version seen; only ever a newer one replaces it. */
  readonly payment: PaymentEvent | null;
  readonly connection: Connection;
  /** Why it was refused. */
  readonly problem: Problem | null;
  /** Milliseconds to add to this device's clock for the server's: phones go wrong by hours. */
  readonly clockOffset: number;
  readonly givingUp: GivingUp;
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
  /** Ends the wait for an approval, and resolves to what is then known of the payment; it may have been paid. */
  readonly giveUp: () => Promise<PaymentEvent | null>;
  /** For good. */
  readonly stop: () => void;
  /** May be replaced at any time. */
  handlers: WatchHandlers;
}

/** With these the outcome is known. EXPIRED is not among them: an approval that comes later still counts. */
const SETTLED: readonly PaymentStatus[] = ["SUCCESSFUL", "FAILED"];

export function isSettled(payment: PaymentEvent | null): boolean {
  return payment !== null && SETTLED.includes(payment.status);
}

/** Somebody may still approve it, and nobody has said that they will not. */
export function isWaiting(payment: PaymentEvent | null): boolean {
  return payment?.status === "INITIATING" || payment?.status === "PENDING";
}

/** How often it is asked although the connection is up: this is what makes good a lost webhook. */
const QUIET_MS = 15_000;
const DOWN_MS = 3_000;
const DOWN_MAX_MS = 10_000;
const GROWTH = 1.4;
const JITTER = 0.15;

/** Without a payment to watch; also what a server, which watches none, renders. */
export const NO_PAYMENT: WatchState = {
  payment: null,
  connection: "stopped",
  problem: null,
  clockOffset: 0,
  givingUp: "idle",
};

export function createPaymentWatch(target: TrackedPayment | null, over: Wire = wire): PaymentWatch {
  let state: WatchState = NO_PAYMENT;
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
      if (!stopped && target) running ??= new Running(target, over, watch, set);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) end();
      };
    },
    refetch: async () => running?.wake(),
    giveUp: async () => {
      await running?.giveUp();
      return state.payment;
    },
    stop: () => {
      stopped = true;
      end();
      set({ connection: "stopped" });
    },
  };
  if (target) state = { ...NO_PAYMENT, connection: "connecting" };
  return watch;
}

/** From the first subscriber to the last. */
class Running {
  private isTracked = false;
  private wasTracked = false;
  private hasEnded = false;
  /** Reads since the last good sign: each one makes the next pause longer. */
  private reads = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private reading = new AbortController();
  private readonly ending = new AbortController();
  private clockOffset = Number.NEGATIVE_INFINITY;
  private readonly socket: PaymentSocket;

  constructor(
    private readonly target: TrackedPayment,
    private readonly over: Wire,
    private readonly watch: PaymentWatch,
    private readonly set: (change: Partial<WatchState>) => void,
  ) {
    document.addEventListener("visibilitychange", this.visibilityChanged);
    window.addEventListener("online", this.wake);
    window.addEventListener("offline", this.connectionChanged);
    window.addEventListener("pageshow", this.pageShown);
    this.socket = over.open(target, {
      tracked: () => {
        this.isTracked = this.wasTracked = true;
        this.reads = 0;
        this.connectionChanged();
      },
      lost: () => {
        this.isTracked = false;
        this.connectionChanged();
      },
      refused: (problem) => this.refuse(problem),
      serverTime: (now) => {
        this.clockOffset = Number.NEGATIVE_INFINITY; // the device's clock may have been set meanwhile
        this.learnTime(now);
      },
      received: (payment) => this.receive(payment),
      event: (name, payload) => this.watch.handlers.onEvent?.(name, payload),
    });
    this.connectionChanged();
  }

  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    clearTimeout(this.timer);
    this.reading.abort();
    this.ending.abort();
    this.set({ givingUp: "idle" });
    this.socket.close();
    document.removeEventListener("visibilitychange", this.visibilityChanged);
    window.removeEventListener("online", this.wake);
    window.removeEventListener("offline", this.connectionChanged);
    window.removeEventListener("pageshow", this.pageShown);
  }

  readonly wake = async (): Promise<void> => {
    if (this.hasEnded) return;
    this.reads = 0;
    this.socket.revive();
    this.set({ connection: this.connection() });
    await this.read();
  };

  async giveUp(): Promise<void> {
    if (this.hasEnded || this.watch.getState().givingUp === "asking") return;
    this.set({ givingUp: "asking" });
    const answer = await this.over.giveUp(this.target, this.ending.signal);
    if (this.hasEnded) return;
    if (answer.kind === "payment") this.receive(answer.payment);
    if (answer.kind === "refused") return this.refuse(answer.problem);
    const isAnswered = answer.kind === "payment" && !isWaiting(this.watch.getState().payment);
    this.set({ givingUp: isAnswered ? "idle" : "unanswered" });
  }

  private readonly connectionChanged = (): void => {
    if (this.hasEnded) return;
    this.set({ connection: this.connection() });
    this.plan();
  };

  private readonly visibilityChanged = (): void => {
    if (document.visibilityState === "hidden") this.plan();
    else void this.wake();
  };

  private readonly pageShown = (event: PageTransitionEvent): void => {
    if (event.persisted) void this.wake(); // out of the browser's back-forward cache, its connection dead
  };

  private connection(): Connection {
    if (this.isTracked) return "connected";
    if (navigator.onLine === false) return "offline";
    return this.wasTracked ? "reconnecting" : "connecting";
  }

  private plan(): void {
    clearTimeout(this.timer);
    // Nobody looks at a hidden page; it is read when it is shown again.
    if (isSettled(this.watch.getState().payment) || document.visibilityState === "hidden") return;
    const delay = this.isTracked ? QUIET_MS : Math.min(DOWN_MS * GROWTH ** this.reads, DOWN_MAX_MS);
    this.timer = setTimeout(() => void this.read(), delay * (1 - JITTER + 2 * JITTER * Math.random()));
  }

  private async read(): Promise<void> {
    clearTimeout(this.timer);
    this.reading.abort(); // one that began before the network went may hang
    const mine = new AbortController();
    this.reading = mine;
    const answer = await this.over.read(this.target, mine.signal);
    if (mine.signal.aborted) return;
    this.reads += 1;
    if (answer.kind === "payment") this.receive(answer.payment);
    if (answer.kind === "refused") this.refuse(answer.problem);
    else this.plan();
  }

  private receive(payment: PaymentEvent): void {
    this.learnTime(Date.parse(payment.timestamp));
    const previous = this.watch.getState().payment;
    if (!isNewer(payment, previous)) return;
    this.set({ payment });
    this.watch.handlers.onChange?.(payment, previous);
  }

  private refuse(problem: Problem): void {
    this.end();
    this.set({ connection: "refused", problem });
  }

  /** A payload is never from the future, so of all differences the largest is the nearest to the truth. */
  private learnTime(serverTime: number): void {
    const offset = serverTime - Date.now();
    if (!(offset > this.clockOffset)) return;
    this.clockOffset = offset;
    this.set({ clockOffset: offset });
  }
}
