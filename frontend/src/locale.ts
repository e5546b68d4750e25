export type Locale = "fr" | "en";

/** French, unless the browser prefers English to it. */
export function browserLocale(languages: readonly string[] = navigator.languages): Locale {
  const known = languages.map((language) => language.slice(0, 2).toLowerCase());
  return known.find((language): language is Locale => language === "fr" || language === "en") ?? "fr";
}
