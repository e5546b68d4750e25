import { useRef, useState } from "react";

import type { Api } from "./api";
import type { FoundPayments } from "./apiTypes";
import { dayOf } from "./format";
import { useLookups } from "./lookups";
import { usePage } from "./page";
import { agreementOf, type Doubt, doubtIn, type Guess, guessesIn } from "./pastedText";
import { goTo, hrefOfPayment } from "./router";
import { SignedOut } from "./session";

/** How far back a short reference is looked for at most. */
const SHORT_DAYS_MS = 3 * 86_400_000;

export type Search =
  | { readonly name: "idle" | "unreadable" }
  | { readonly name: "busy" }
  | ({ readonly name: "found"; readonly doubt: Doubt | null } & First)
  | { readonly name: "nothing"; readonly fields: readonly Guess["field"][] }
  | { readonly name: "failed"; readonly error: unknown };

interface First {
  readonly found: FoundPayments;
  /** What the payments were found by. */
  readonly field: Guess["field"];
  readonly value: string;
}

interface Searching {
  readonly search: Search;
  /** `opens`: whether one that is found alone is opened. */
  readonly look: (text: string, options?: { readonly opens: boolean }) => Promise<void>;
}

/** Looks for payments by what was pasted. */
export function useSearch(): Searching {
  const { api } = usePage();
  const lookups = useLookups();
  const [search, setSearch] = useState<Search>({ name: "idle" });
  const asked = useRef(0);

  const look: Searching["look"] = async (text, { opens } = { opens: true }) => {
    asked.current += 1;
    const mine = asked.current;
    const show = (next: Search) => mine === asked.current && setSearch(next);
    const guesses = guessesIn(text);
    if (guesses.length === 0) return void show({ name: text.trim() ? "unreadable" : "idle" });
    show({ name: "busy" });
    try {
      const first = await firstFound(guesses, (guess) => found(guess, api));
      if (!first) return void show({ name: "nothing", fields: [...new Set(guesses.map(({ field }) => field))] });
      const [only, ...others] = first.found.payments;
      const doubts = first.found.payments.map((payment) => doubtIn(text, payment));
      const doubt = doubts.includes(null) ? null : (doubts[0] ?? null);
      const isNewest = show({ name: "found", doubt, ...first }) !== false;
      if (!isNewest || !opens || !only || others.length > 0 || doubt !== null) return;
      goTo(hrefOfPayment(only.reference));
      const { amount, day } = agreementOf(text, only);
      const agrees = [...(amount ? (["amount"] as const) : []), ...(day ? (["day"] as const) : [])];
      lookups.keepFinding({ field: first.field, value: first.value, agrees });
    } catch (error) {
      show(error instanceof SignedOut ? { name: "idle" } : { name: "failed", error });
    }
  };
  return { search, look };
}

/** Tries one guess after the other until one finds something, and says which; null where none does. */
async function firstFound(
  guesses: readonly Guess[],
  find: (guess: Guess) => Promise<FoundPayments>,
): Promise<First | null> {
  for (const guess of guesses) {
    const found = await find(guess);
    if (found.payments.length > 0) return { found, ...guess };
  }
  return null;
}

/** Looks for one guess; for a short reference among the newest payments of these days, one page of them. */
async function found({ field, value }: Guess, api: Api): Promise<FoundPayments> {
  if (field !== "short") return api.search(field, value);
  const now = Date.now();
  const days = { from: dayOf(now - SHORT_DAYS_MS), to: dayOf(now) };
  const { payments } = await api.history(new URLSearchParams({ ...days, short: value }));
  return { payments, hasMore: false };
}
