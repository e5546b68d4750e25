/** Keeps the language and the theme that a person has chosen, in this browser. */

import { browserLocale, type Locale } from "../src/locale";
import { createStore, type Store } from "./store";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export interface Chosen {
  readonly locale: Locale;
  readonly theme: Theme;
}

export interface Preferences extends Store<Chosen> {
  readonly choose: (change: Partial<Chosen>) => void;
}

const KEY = "operator-page-preferences";

/** Creates the preferences, and applies them to the page's root element now and with each choice. */
export function createPreferences(element: HTMLElement, storage: Storage): Preferences {
  const store = createStore(kept(storage));
  const apply = ({ locale, theme }: Chosen) => {
    element.lang = locale;
    if (theme === "system") delete element.dataset["theme"];
    else element.dataset["theme"] = theme;
  };
  apply(store.current());
  const choose = (change: Partial<Chosen>) => {
    const chosen = { ...store.current(), ...change };
    apply(chosen);
    attempt(() => storage.setItem(KEY, JSON.stringify(chosen)));
    store.set(chosen);
  };
  return { current: store.current, subscribe: store.subscribe, choose };
}

function kept(storage: Storage): Chosen {
  const { locale, theme } = (attempt(() => JSON.parse(storage.getItem(KEY) ?? "{}")) ?? {}) as Partial<Chosen>;
  return {
    locale: locale === "fr" || locale === "en" ? locale : browserLocale(),
    theme: THEMES.find((known) => known === theme) ?? "system",
  };
}

/** Returns what `act` returns; undefined where the browser allows no storage, or it holds something else. */
export function attempt<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
