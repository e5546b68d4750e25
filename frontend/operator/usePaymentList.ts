import { useCallback, useEffect, useRef, useState } from "react";

import type { Api } from "./api";
import type { PaymentEvent } from "./apiTypes";
import { usePage } from "./page";
import { SignedOut } from "./session";

export interface PaymentList {
  /** Newest first. */
  readonly payments: readonly PaymentEvent[];
  /** Of how many phones they are. */
  readonly phones: number;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: unknown;
  /** When the first page came, as ISO 8601; null before. */
  readonly asOf: string | null;
  readonly more: () => void;
  readonly reload: () => void;
}

interface Read {
  readonly query: string;
  readonly payments: readonly PaymentEvent[];
  readonly phoneMarks: readonly string[];
  readonly cursor: string | null;
  readonly isLoading: boolean;
  readonly error: unknown;
  readonly asOf: string | null;
}

const BEGIN = { payments: [], phoneMarks: [], cursor: null, isLoading: true, error: null, asOf: null };

/**
 * Reads the list of payments page by page, and by itself until a page has any or the list ends.
 *
 * `query`: the API's parameters. `since`: milliseconds; the list ends with the first payment that was claimed before.
 */
export function usePaymentList(query: string, since = 0): PaymentList {
  const { api } = usePage();
  const [read, setRead] = useState<Read>({ query, ...BEGIN });
  const asked = useRef(0);

  const readOn = useCallback(
    async (before: Read) => {
      asked.current += 1;
      const mine = asked.current;
      const set = (next: Read) => mine === asked.current && setRead(next);
      set({ ...before, isLoading: true, error: null });
      try {
        const next = await nextPayments(api, query, before.cursor, since, () => mine === asked.current);
        const phoneMarks = [...before.phoneMarks, ...next.phoneMarks];
        const asOf = before.asOf ?? new Date().toISOString();
        const payments = [...before.payments, ...next.payments];
        set({ query, payments, phoneMarks, cursor: next.cursor, isLoading: false, error: null, asOf });
      } catch (error) {
        if (!(error instanceof SignedOut)) set({ ...before, isLoading: false, error });
      }
    },
    [api, query, since],
  );
  const reload = useCallback(() => void readOn({ query, ...BEGIN }), [readOn, query]);
  useEffect(() => {
    reload();
    return () => {
      asked.current += 1;
    };
  }, [reload]);

  const shown = read.query === query ? read : { query, ...BEGIN };
  const more = () => void readOn(shown);
  return { ...shown, phones: new Set(shown.phoneMarks).size, hasMore: shown.cursor !== null, more, reload };
}

async function nextPayments(api: Api, query: string, from: string | null, since: number, isWanted: () => boolean) {
  let cursor = from;
  for (;;) {
    const parameters = new URLSearchParams(query);
    if (cursor !== null) parameters.set("cursor", cursor);
    const page = await api.history(parameters);
    const payments = page.payments.filter(({ createdAt }) => Date.parse(createdAt) >= since);
    const isAtEnd = payments.length < page.payments.length;
    cursor = isAtEnd ? null : page.cursor;
    // The newest first, so that those which are left out are at the end.
    const phoneMarks = page.phoneMarks.slice(0, payments.length);
    if (payments.length > 0 || cursor === null || !isWanted()) return { payments, phoneMarks, cursor };
  }
}
