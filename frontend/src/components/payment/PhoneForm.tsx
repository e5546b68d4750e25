import { type FormEvent, useEffect, useId, useRef, useState } from "react";

import { factsOf } from "../../checkoutAttempt";
import { formatAmount } from "../../currency";
import { useLocale } from "../../hooks/useLocale";
import type { Locale } from "../../locale";
import type { OperatorNotice, Problem } from "../../paymentContract";
import type { Order } from "../../paymentSocket";
import { operatorHint, parsePhoneNumber } from "../../phoneNumber";
import { ProblemNotice } from "./ProblemWords";
import { PHONE_FORM_TEXTS } from "./phoneFormTexts";

export interface PhoneFormProps {
  /** The order to pay, for the price on the button. */
  readonly order: Order;
  /** Starts the payment of a number: 237, then nine digits. */
  readonly pay: (phoneNumber: string) => void;
  /** Called once a whole number is typed: the customer is about to pay. */
  readonly prepare?: (() => void) | undefined;
  /** The number that the field begins with. */
  readonly phoneNumber?: string;
  /** Why the last call started nothing. */
  readonly problem?: Problem | null;
  /** When trying again makes sense, in milliseconds by this device's clock; null where it is unknown. */
  readonly retryAt?: number | null;
  /** The operators whose payments fail for technical reasons just now. */
  readonly operatorNotice?: OperatorNotice;
  /** The language; by default French, unless the browser prefers English. */
  readonly locale?: Locale | undefined;
}

/** Asks for the phone number to be charged. An order that is paid already gets no field. Styled by `tracker.css`. */
export function PhoneForm(props: PhoneFormProps) {
  const {
    order,
    pay,
    prepare,
    phoneNumber = "",
    problem = null,
    retryAt = null,
    operatorNotice = [],
    ...given
  } = props;
  const [text, setText] = useState(phoneNumber);
  const [wrongs, setWrongs] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const locale = useLocale(given.locale);
  const texts = PHONE_FORM_TEXTS[locale];
  const number = parsePhoneNumber(text);
  const operator = number && operatorHint(number);
  const inTrouble = operatorNotice.filter((name) => operator === null || name === operator);
  const isPaid = problem?.code === "order_already_paid";
  const isWrong = wrongs > 0;

  // After rendering, so that a screen reader finds what is wrong with the field.
  useEffect(() => {
    if (wrongs > 0) field.current?.focus();
  }, [wrongs]);

  const type = (typed: string) => {
    setText(typed);
    if (parsePhoneNumber(typed)) prepare?.();
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setWrongs(number ? 0 : wrongs + 1);
    if (number) pay(number);
  };

  return (
    <form className="bp-form" part="checkout" onSubmit={submit} noValidate lang={locale}>
      {problem && <ProblemNotice problem={problem} retryAt={retryAt} locale={locale} />}
      {!isPaid && (
        <>
          <label htmlFor={`${id}phone`}>{texts.phone}</label>
          <div className="bp-field">
            <input
              ref={field}
              id={`${id}phone`}
              className="bp-phone"
              type="tel"
              inputMode="numeric"
              autoComplete="tel"
              defaultValue={text}
              onInput={(event) => type(event.currentTarget.value)}
              aria-describedby={`${id}hint`}
              aria-invalid={isWrong}
            />
            {number && <output className="bp-operator">{operator}</output>}
          </div>
          <p id={`${id}hint`} className={isWrong ? "bp-wrong" : "bp-hint"}>
            {isWrong ? texts.wrong : texts.hint}
          </p>
          <output className="bp-notice">{inTrouble.length > 0 && texts.inTrouble(inTrouble)}</output>
          <button type="submit" className="bp-pay">
            {texts.pay(priceOf(order, locale))}
          </button>
        </>
      )}
    </form>
  );
}

function priceOf(order: Order, locale: Locale): string | null {
  const facts = factsOf(order);
  return facts && formatAmount(facts.amount, facts.currency, locale);
}
