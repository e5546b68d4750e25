/** What every view of the page works with. */

import { createContext, useCallback, useContext, useEffect, useRef, useState } from "react";

import type { Locale } from "../src/locale";
import type { Api } from "./api";
import { type Format, formatIn } from "./format";
import { type Operator, SignedOut } from "./session";
import { TEXTS, type Texts } from "./texts";

export interface Page {
  readonly api: Api;
  /** Of the gateway that tells what changes; null where the page is not told. */
  readonly gatewayUrl: string | null;
  readonly operator: Operator;
  readonly locale: Locale;
  readonly texts: Texts;
  readonly format: Format;
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new TypeError("a view stands inside the page");
  return page;
}

export function pageOf(api: Api, gatewayUrl: string | null, operator: Operator, locale: Locale): Page {
  return { api, gatewayUrl, operator, locale, texts: TEXTS[locale], format: formatIn(locale) };
}

export interface Loaded<Answer> {
  /** The newest answer; it stays while a newer one is read, and when that fails. */
  readonly answer: Answer | null;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => Promise<void>;
}

/** Loads something when the view appears and whenever `key` changes; the answer to an earlier key is dropped. */
export function useLoaded<Answer>(key: string, load: () => Promise<Answer>): Loaded<Answer> {
  const [state, setState] = useState({ key, answer: null as Answer | null, error: null as unknown, isLoading: true });
  const latest = useRef(load);
  latest.current = load;
  const asked = useRef(0);

  const reload = useCallback(async () => {
    asked.current += 1;
    const mine = asked.current;
    const isMine = () => mine === asked.current;
    setState((before) => ({ ...before, key, answer: before.key === key ? before.answer : null, isLoading: true }));
    try {
      const answer = await latest.current();
      if (isMine()) setState({ key, answer, error: null, isLoading: false });
    } catch (error) {
      if (isMine() && !(error instanceof SignedOut)) setState((before) => ({ ...before, error, isLoading: false }));
    }
  }, [key]);

  useEffect(() => {
    void reload();
    return () => {
      asked.current += 1;
    };
  }, [reload]);
  const isCurrent = state.key === key;
  return {
    answer: isCurrent ? state.answer : null,
    error: isCurrent ? state.error : null,
    isLoading: !isCurrent || state.isLoading,
    reload,
  };
}
