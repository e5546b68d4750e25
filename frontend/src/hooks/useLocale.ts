import { useSyncExternalStore } from "react";

import { browserLocale, type Locale, SERVER_LOCALE } from "../locale";

const neverChanges = () => () => {};

/** Returns the page's language, or else the browser's; after server rendering, the browser's applies once mounted. */
export function useLocale(told: Locale | undefined): Locale {
  return useSyncExternalStore(
    neverChanges,
    () => told ?? browserLocale(),
    () => told ?? SERVER_LOCALE,
  );
}
