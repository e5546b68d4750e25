/**
 * Keeps what was looked for while the page is open, so that the way back from a payment finds it. The browser's history
 * has only a number for it: it may be a customer's SMS.
 */

import { createContext, useContext } from "react";

import type { Doubt, Guess } from "./pastedText";

/** How a search came to the one payment that it opened. */
export interface Finding {
  readonly field: Guess["field"];
  readonly value: string;
  /** What else in the text is the payment's. */
  readonly agrees: readonly Doubt[];
}

export interface Lookups {
  /** Returns what was looked for at this step of the browser's history; empty where nothing was. */
  readonly here: () => string;
  readonly keep: (text: string) => void;
  /** Returns how a search came to this step of the browser's history; null where none did. */
  readonly finding: () => Finding | null;
  readonly keepFinding: (finding: Finding) => void;
}

export function createLookups(): Lookups {
  const texts = new Map<string, string>();
  const findings = new Map<string, Finding>();
  const openedAt = Date.now(); // a step from before a reload is not taken for one of now
  return {
    here: () => texts.get(String(window.history.state?.lookup)) ?? "",
    keep: (text) => {
      const lookup = `${openedAt}-${texts.size}`;
      texts.set(lookup, text);
      window.history.replaceState({ lookup }, "");
    },
    finding: () => findings.get(String(window.history.state?.finding)) ?? null,
    keepFinding: (given) => {
      const finding = `${openedAt}-${findings.size}`;
      findings.set(finding, given);
      window.history.replaceState({ finding }, "");
    },
  };
}

const LookupsContext = createContext<Lookups | null>(null);
export const LookupsOfPage = LookupsContext.Provider;

export function useLookups(): Lookups {
  const lookups = useContext(LookupsContext);
  if (!lookups) throw new TypeError("a view stands inside the page");
  return lookups;
}
