/**
 * Keeps the newest version of a payment: pushed by the gateway, read from the API at intervals, which are shorter
 * while the connection is down, and read at once when the customer returns to the page. It uses no framework.
 */

import {
  isNewer,
  type PaymentEvent,
  type PaymentStatus,
  type Problem,
  type Refund,
  type RefundStatus,
} from "./paymentContract";
import { type PaymentSocket, type TrackedPayment, type Wire, wire } from "./paymentSocket";

/**
 * State of the connection. `connecting`: for the first time. `reconnecting`: lost, being restored. `offline`: the
 * browser reports no network. `refused`: the token is not, or no longer, valid for this payment.
 */
export type Connection = "connecting" | "connected" | "reconnecting" | "offline" | "refused" | "stopped";

/** State of giving up. `asking`: the call is under way. `unanswered`: it is unknown whether it changed anything. */
export type GivingUp = "idle" | "asking" | "unanswered";

export interface WatchState {
  /** The newest version seen; only a newer one replaces it. */
  readonly payment: PaymentEvent | null;
  readonly connection: Connection;
  /** Why the payment cannot be followed. */
  readonly problem: Problem | null;
  /** Milliseconds to add to this device's clock to get the server's time: phones may be wrong by hours. */
  readonly clockOffset: number;
  readonly givingUp: GivingUp;
}

export interface WatchHandlers {
  /** A newer version of the payment; `previous` is null for the first one seen. */
  readonly onChange?: ((payment: PaymentEvent, previous: PaymentEvent | null) => void) | undefined;
  /** Every Socket.IO event as received, repetitions included. */
  readonly onEvent?: ((name: string, payload: unknown) => void) | undefined;
}

/** Follows a payment while there is a subscriber. The last unsubscribe ends all timers, listeners and connections. */
export interface PaymentWatch {
  readonly getState: () => WatchState;
  readonly subscribe: (listener: () => void) => () => void;
  /** Reads the payment now, and reconnects where the connection is down. */
  readonly refetch: () => Promise<void>;
  /** Ends the wait for an approval, and resolves to the payment, which may be paid. */
  readonly giveUp: () => Promise<PaymentEvent | null>;
  /** Stops following the payment for good. */
  readonly stop: () => void;
  /** The handlers, which may be replaced at any time. */
  handlers: WatchHandlers;
}

/** The statuses with a known outcome. EXPIRED is not one: a later approval still counts. */
const SETTLED: readonly (PaymentStatus | RefundStatus)[] = ["SUCCESSFUL", "FAILED"];

/** Whether the outcome of a payment, or of a refund, is known. */
export function isSettled(it: PaymentEvent | Refund | null): boolean {
  return it !== null && SETTLED.includes(it.status);
}

/** Whether the payment waits for an approval and has not been given up. */
export function isWaiting(payment: PaymentEvent | null): boolean {
  return payment?.status === "INITIATING" || payment?.status === "PENDING";
}

/** Interval of reads while the connection is up. A read recovers a lost webhook. */
const QUIET_MS = 15_000;
const DOWN_MS = 3_000;
const DOWN_MAX_MS = 10_000;
const GROWTH = 1.4;
const JITTER = 0.15;

/** The state without a payment, which a server renders too. */
export const NO_PAYMENT: WatchState = {
  payment: null,
  connection: "stopped",
  problem: null,
  clockOffset: 0,
  givingUp: "idle",
};

/** `known`: the payment as another answer has already told it; it is shown before the socket is open. */
export function createPaymentWatch(
  target: TrackedPayment | null,
  known: PaymentEvent | null = null,
  over: Wire = wire,
): PaymentWatch {
  let state: WatchState = NO_PAYMENT;
  let running: Running | null = null;
  let untold = known;
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
      if (running && untold) running.tell(untold);
      untold = null;
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
  if (target) state = { ...NO_PAYMENT, connection: "connecting", payment: known };
  return watch;
}

/** One run of a watch, from the first subscriber to the last. */
class Running {
  private isTracked = false;
  private wasTracked = false;
  private hasEnded = false;
  /** Number of reads since the last sign of a working connection; each makes the next pause longer. */
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
        this.clockOffset = Number.NEGATIVE_INFINITY; // the device's clock may have been changed meanwhile
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

  /** Tells of a payment that is shown already. */
  tell(known: PaymentEvent): void {
    this.learnTime(Date.parse(known.timestamp));
    this.watch.handlers.onChange?.(known, null);
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
    if (event.persisted) void this.wake(); // restored from the back-forward cache, with a dead connection
  };

  private connection(): Connection {
    if (this.isTracked) return "connected";
    if (navigator.onLine === false) return "offline";
    return this.wasTracked ? "reconnecting" : "connecting";
  }

  private plan(): void {
    clearTimeout(this.timer);
    // A hidden page needs no reads; it reads when it becomes visible.
    if (isSettled(this.watch.getState().payment) || document.visibilityState === "hidden") return;
    const delay = this.isTracked ? QUIET_MS : Math.min(DOWN_MS * GROWTH ** this.reads, DOWN_MAX_MS);
    this.timer = setTimeout(() => void this.read(), delay * (1 - JITTER + 2 * JITTER * Math.random()));
  }

  private async read(): Promise<void> {
    clearTimeout(this.timer);
    this.reading.abort(); // a read that began before the network was lost may hang
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

  /** Estimates the clock's offset. No payload is from the future, so that the largest difference is the closest. */
  private learnTime(serverTime: number): void {
    const offset = serverTime - Date.now();
    if (!(offset > this.clockOffset)) return;
    this.clockOffset = offset;
    this.set({ clockOffset: offset });
  }
}
