/** Says which view the address names: `#/payment/<reference>`. Nothing that a person types is ever in an address. */

import { createContext, useSyncExternalStore } from "react";

export interface Route {
  /** The view's first word, such as `payment`; empty for the first view. */
  readonly view: string;
  /** What follows it, such as a reference. */
  readonly subject: string;
  readonly query: URLSearchParams;
}

/** Reads an address's fragment. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [view = "", subject = ""] = path.split("/").map(decoded);
  return { view, subject, query: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function hrefOf(view: string, subject = "", query: Readonly<Record<string, string>> = {}): string {
  const filters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""));
  const path = `#/${view}${subject && `/${encodeURIComponent(subject)}`}`;
  return filters.size > 0 ? `${path}?${filters}` : path;
}

export const hrefOfPayment = (reference: string) => hrefOf("payment", reference);

export function goTo(href: string): void {
  window.location.hash = href;
}

/** Changes the address without a step in the browser's history: the way back leads to the view before. */
export function replaceBy(href: string): void {
  window.location.replace(href);
}

const subscribe = (listener: () => void) => {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
};

/** Returns the address's fragment, which changes when somebody follows a link of the page. */
export const useHash = (): string => useSyncExternalStore(subscribe, () => window.location.hash);

/** Where the person was before this view; null where it is the first. */
export const LeftRoute = createContext<Route | null>(null);
