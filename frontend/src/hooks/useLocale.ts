import { useSyncExternalStore } from "react";

import { browserLocale, type Locale, SERVER_LOCALE } from "../locale";

const neverChanges = () => () => {};

/** The language that the page was told, else the browser's; where a server has rendered, the browser's once mounted. */
export function useLocale(told: Locale | undefined): Locale {
  return useSyncExternalStore(
    neverChanges,
    () => told ?? browserLocale(),
    () => told ?? SERVER_LOCALE,
  );
}
