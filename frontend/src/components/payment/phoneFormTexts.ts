import type { Locale } from "../../locale";

export interface PhoneFormTexts {
  readonly phone: string;
  readonly hint: string;
  readonly wrong: string;
  /** `price` is null where the order token does not say it. */
  readonly pay: (price: string | null) => string;
  /** `names`: of operators, such as MTN. */
  readonly inTrouble: (names: readonly string[]) => string;
}

const fr: PhoneFormTexts = {
  phone: "Numéro mobile money",
  hint: "MTN ou Orange, par exemple 6\u00a077\u00a077\u00a077\u00a077",
  wrong: "Saisissez neuf chiffres, en commençant par 6.",
  pay: (price) => (price ? `Payer ${price}` : "Payer"),
  inTrouble: (names) =>
    `En ce moment, beaucoup de paiements ${names.join(" et ")} échouent pour des raisons techniques. Vous pouvez ` +
    "essayer quand même, ou payer avec un autre numéro.",
};

const en: PhoneFormTexts = {
  phone: "Mobile money number",
  hint: "MTN or Orange, such as 6\u00a077\u00a077\u00a077\u00a077",
  wrong: "Enter nine digits, the first one a 6.",
  pay: (price) => (price ? `Pay ${price}` : "Pay"),
  inTrouble: (names) =>
    `Many ${names.join(" and ")} payments are failing at the moment, for technical reasons. You may try all the same, ` +
    "or pay with another number.",
};

export const PHONE_FORM_TEXTS: Readonly<Record<Locale, PhoneFormTexts>> = { fr, en };
