import type { Locale } from "../../locale";

export interface PhoneFormTexts {
  readonly phone: string;
  readonly hint: string;
  readonly wrong: string;
  /** `price` is null where the order token does not say it. */
  readonly pay: (price: string | null) => string;
}

const fr: PhoneFormTexts = {
  phone: "Numéro mobile money",
  hint: "MTN ou Orange, par exemple 6\u00a077\u00a077\u00a077\u00a077",
  wrong: "Saisissez neuf chiffres, en commençant par 6.",
  pay: (price) => (price ? `Payer ${price}` : "Payer"),
};

const en: PhoneFormTexts = {
  phone: "Mobile money number",
  hint: "MTN or Orange, such as 6\u00a077\u00a077\u00a077\u00a077",
  wrong: "Enter nine digits, the first one a 6.",
  pay: (price) => (price ? `Pay ${price}` : "Pay"),
};

export const PHONE_FORM_TEXTS: Readonly<Record<Locale, PhoneFormTexts>> = { fr, en };
