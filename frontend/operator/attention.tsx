/** Reads what needs a person, once for the strip above every view and the view that lists it. */

import { createContext, type ReactNode, useContext, useEffect, useRef } from "react";

import type { AttentionList } from "./apiTypes";
import { type Loaded, useLoaded, usePage } from "./page";

const EVERY_MS = 60_000;

const AttentionContext = createContext<Loaded<AttentionList> | null>(null);

/** Reads it when the page opens and then each minute that the page is in front. */
export function AttentionOfPage({ children }: { readonly children: ReactNode }) {
  const { api } = usePage();
  const attention = useLoaded("attention", () => api.get<AttentionList>("attention"));
  const latest = useRef(attention);
  latest.current = attention;
  useEffect(() => {
    const timer = setInterval(() => {
      const { isLoading, reload } = latest.current;
      if (!isLoading && document.visibilityState === "visible") void reload();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return <AttentionContext value={attention}>{children}</AttentionContext>;
}

export function useAttention(): Loaded<AttentionList> {
  const attention = useContext(AttentionContext);
  if (!attention) throw new TypeError("a view stands inside the page");
  return attention;
}

/** The most that the API counts of a kind. */
const MOST_COUNTED = 1000;

/** Writes a count; one that the API has not counted to its end with a plus sign. */
export function countWords(counts: readonly number[], write: (value: number) => string): string {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return write(total) + (counts.some((count) => count >= MOST_COUNTED) ? "+" : "");
}
