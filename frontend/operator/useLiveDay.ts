import { useCallback, useEffect, useRef, useState } from "react";

import type { Analytics, PaymentEvent } from "./apiTypes";
import { useAttention } from "./attention";
import { dayOf } from "./format";
import { openLive } from "./live";
import { usePage } from "./page";
import { SignedOut } from "./session";

export interface LiveDay {
  /** Yesterday's figures and today's; null until they have come. */
  readonly figures: Analytics | null;
  /** Payments that have changed, the newest change first. */
  readonly changed: readonly PaymentEvent[];
  /** When the payment was claimed that has waited longest; null where none waits, or that is not known. */
  readonly waitingSince: string | null;
  /** Since when nothing is pushed, as ISO 8601; null while it is. */
  readonly lostAt: string | null;
  readonly error: unknown;
  readonly reload: () => void;
}

/** Shortest time between two reads of the figures. */
const READ_MS = 1_000;
/** Between two reads while nothing is pushed. */
const POLL_MS = 15_000;
const ROWS = 20;
const DAY_MS = 86_400_000;

/** Keeps today's figures and the latest changes as they are, by what the gateway pushes. */
export function useLiveDay(): LiveDay {
  const { api, gatewayUrl } = usePage();
  const [figures, setFigures] = useState<Analytics | null>(null);
  const [changed, setChanged] = useState<readonly PaymentEvent[]>([]);
  const [waitingSince, setWaitingSince] = useState<string | null>(null);
  const [lostAt, setLostAt] = useState<string | null>(() => new Date().toISOString());
  const [error, setError] = useState<unknown>(null);

  const readFigures = useCallback(async () => {
    try {
      const now = Date.now();
      setFigures(await api.get<Analytics>(`analytics?from=${dayOf(now - DAY_MS)}&to=${dayOf(now)}`));
      setError(null);
    } catch (problem) {
      if (!(problem instanceof SignedOut)) setError(problem);
    }
  }, [api]);
  const readFiguresSoon = useAtMostEvery(READ_MS, readFigures);
  const readList = useCallback(async () => {
    try {
      const { payments } = await api.history(new URLSearchParams({ limit: `${ROWS}` }));
      setChanged((before) => newestFirst([...before, ...payments]));
    } catch (problem) {
      if (!(problem instanceof SignedOut)) setError(problem);
    }
  }, [api]);
  const reload = useCallback(() => {
    readFiguresSoon();
    void readList();
  }, [readFiguresSoon, readList]);

  const attention = useAttention();
  const latestAttention = useRef(attention);
  latestAttention.current = attention;

  useEffect(reload, [reload]);
  useEffect(() => {
    if (!gatewayUrl) return;
    const ticket = async () => (await api.get<{ readonly ticket: string }>("operator/session")).ticket;
    return openLive(gatewayUrl, ticket, {
      changed: (change) => {
        setLostAt(null);
        setWaitingSince(change.waitingSince);
        setChanged((before) => newestFirst([...before, ...change.payments]));
        readFiguresSoon();
        if (!change.complete) void readList();
        if (!change.complete || change.payments.some(needsSomebody)) void latestAttention.current.reload();
      },
      lost: () => setLostAt((before) => before ?? new Date().toISOString()),
    });
  }, [api, gatewayUrl, readFiguresSoon, readList]);
  useEffect(() => {
    if (lostAt === null) return;
    const timer = setInterval(reload, POLL_MS);
    return () => clearInterval(timer);
  }, [lostAt, reload]);
  return { figures, changed, waitingSince: lostAt === null ? waitingSince : null, lostAt, error, reload };
}

const needsSomebody = ({ status, duplicate }: PaymentEvent) => status === "CONFLICTED" || duplicate;

/** Returns the newest version of each payment, the newest change first. */
export function newestFirst(payments: readonly PaymentEvent[]): PaymentEvent[] {
  const newest = new Map<string, PaymentEvent>();
  for (const payment of payments) {
    const known = newest.get(payment.reference);
    if (!known || known.version < payment.version) newest.set(payment.reference, payment);
  }
  return [...newest.values()].sort((a, b) => Date.parse(b.updatedAt) - Date.parse(a.updatedAt)).slice(0, ROWS);
}

/** Returns a function that runs `act`, at once if it can and never more often; what is asked for meanwhile runs once. */
function useAtMostEvery(milliseconds: number, act: () => Promise<void>): () => void {
  const latest = useRef(act);
  latest.current = act;
  const state = useRef({ isBusy: false, isAskedFor: false, isGone: false });
  useEffect(() => {
    const mine = state.current;
    mine.isGone = false;
    return () => {
      mine.isGone = true;
    };
  }, []);
  return useCallback(() => {
    const mine = state.current;
    const run = async () => {
      mine.isBusy = true;
      do {
        mine.isAskedFor = false;
        await Promise.all([latest.current(), new Promise((resolve) => setTimeout(resolve, milliseconds))]);
      } while (mine.isAskedFor && !mine.isGone);
      mine.isBusy = false;
    };
    mine.isAskedFor = true;
    if (!mine.isBusy) void run();
  }, [milliseconds]);
}
