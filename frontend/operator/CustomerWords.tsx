import { useRef, useState } from "react";

import { operatorWords, TRACKER_TEXTS } from "../src/components/payment/paymentTexts";
import type { Locale } from "../src/locale";
import { failureOf } from "../src/paymentContract";
import type { PaymentEvent, PaymentStory } from "./apiTypes";
import { extraChargesOf, refundsOfOrder } from "./charges";
import { CUSTOMER_SENTENCES } from "./customerSentences";
import { formatIn } from "./format";
import { useNow } from "./PaymentTable";
import { usePage } from "./page";
import { customerCaseOf } from "./verdict";

const SHORT = 8;
const LOCALES: readonly Locale[] = ["fr", "en"];

/** Offers a sentence that is true for the customer now, to be copied in either language. */
export function CustomerWords({ story }: { readonly story: PaymentStory }) {
  const { texts } = usePage();
  return (
    <section className="card words">
      <h2>{texts.customer.title}</h2>
      <p className="muted small">{texts.customer.hint}</p>
      {LOCALES.map((locale) => (
        <Sentence key={locale} {...{ story, locale }} />
      ))}
    </section>
  );
}

function Sentence({ story, locale }: { readonly story: PaymentStory; readonly locale: Locale }) {
  const { texts } = usePage();
  const words = texts.customer;
  const now = useNow();
  const paragraph = useRef<HTMLParagraphElement>(null);
  const [said, setSaid] = useState("");
  const sentence = sentenceFor(story, locale, now);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(sentence);
      setSaid(words.copied);
    } catch {
      if (paragraph.current) getSelection()?.selectAllChildren(paragraph.current);
      setSaid(words.selected);
    }
  };
  return (
    <div className="customer-words">
      <p lang={locale} ref={paragraph}>
        {sentence}
      </p>
      <button type="button" className="quiet" onClick={copy}>
        {words.copy(words.languages[locale])}
      </button>
      <span role="status" className="muted small">
        {said}
      </span>
    </div>
  );
}

/** Returns the attempt that was one too many, whose reference the customer keeps; else the payment itself. */
function extraPaymentOf({ payment, order }: PaymentStory): PaymentEvent {
  if (payment.status !== "SUCCESSFUL" || payment.duplicate) return payment;
  return order.attempts.find((it) => it.payment.duplicate && it.charges.length > 0)?.payment ?? payment;
}

/** Returns the sentence in a language, whichever the page speaks. `now`: milliseconds. */
export function sentenceFor(story: PaymentStory, locale: Locale, now: number): string {
  const { payment } = story;
  const texts = TRACKER_TEXTS[locale];
  const format = formatIn(locale);
  const { done, open } = refundsOfOrder(story);
  return CUSTOMER_SENTENCES[locale][customerCaseOf(story, now)]({
    amount: format.amount(payment.amount, payment.currency),
    order: payment.orderId,
    short: extraPaymentOf(story).reference.slice(0, SHORT),
    extra: extraChargesOf(story).map(({ left, amount, at, operatorReference }) => ({
      amount: format.amount(left > 0 ? left : amount, payment.currency),
      day: format.day(at),
      time: format.time(at),
      id: operatorReference,
    })),
    refunds: { done: format.amount(done, payment.currency), open: format.amount(open, payment.currency) },
    ussdCode: payment.ussdCode,
    failure:
      payment.status === "FAILED" ? texts.failures[failureOf(payment)](operatorWords(payment, texts)).sentence : "",
  });
}
