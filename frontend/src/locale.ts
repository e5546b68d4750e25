export type Locale = "fr" | "en";

/** The language of a page until the browser's is known. */
export const SERVER_LOCALE: Locale = "fr";

/** Returns French unless the browser prefers English; on a server always French. */
export function browserLocale(languages = browserLanguages()): Locale {
  const known = languages.map((language) => language.slice(0, 2).toLowerCase());
  return known.find((language): language is Locale => language === "fr" || language === "en") ?? SERVER_LOCALE;
}

function browserLanguages(): readonly string[] {
  return typeof window === "undefined" ? [] : navigator.languages;
}
