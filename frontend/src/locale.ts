export type Locale = "fr" | "en";

/** What a page speaks before a browser is there to be asked. */
export const SERVER_LOCALE: Locale = "fr";

/** French, unless the browser prefers English to it; on a server, whose own language is no customer's, French. */
export function browserLocale(languages = browserLanguages()): Locale {
  const known = languages.map((language) => language.slice(0, 2).toLowerCase());
  return known.find((language): language is Locale => language === "fr" || language === "en") ?? SERVER_LOCALE;
}

function browserLanguages(): readonly string[] {
  return typeof window === "undefined" ? [] : navigator.languages;
}
