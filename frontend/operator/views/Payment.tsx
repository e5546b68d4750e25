import { type RefObject, useEffect, useRef, useState } from "react";

import { PaymentTracker } from "../../src/components/payment/PaymentTracker";
import { isGivenUp } from "../../src/paymentContract";
import { isSettled } from "../../src/paymentWatch";
import { Actions } from "../Actions";
import type { PaymentStory } from "../apiTypes";
import { useAttention } from "../attention";
import { CustomerWords } from "../CustomerWords";
import { extraChargesOf, refundsOfOrder } from "../charges";
import { focusIfFree } from "../focus";
import { useLookups } from "../lookups";
import { useNow } from "../PaymentTable";
import { type Page, useLoaded, usePage } from "../page";
import { ReasonMeaning } from "../ReasonMeaning";
import { RefundList } from "../RefundList";
import type { Route } from "../router";
import { StateMark, ToneShape } from "../StateMark";
import { Acts, Attempts, ShopNews, Timeline } from "../Story";
import { Trouble } from "../Trouble";
import type { Verdict } from "../texts";
import { disputedRecord, TONE_OF_VERDICT, verdictOf } from "../verdict";

/** One payment: what is the matter with it, what the customer sees, and everything that happened. */
export function Payment({ route }: { readonly route: Route }) {
  const { api, texts } = usePage();
  const reference = route.subject;
  const { answer, error, isLoading, reload } = useLoaded(reference, () => api.story(reference));
  return (
    <>
      <Trouble error={error} onRetry={reload} />
      {answer ? (
        <StoryOfPayment key={reference} story={answer} {...{ isLoading, reload }} />
      ) : (
        error === null && <p className="muted">{texts.loading}</p>
      )}
    </>
  );
}

interface StoryProps {
  readonly story: PaymentStory;
  readonly isLoading: boolean;
  readonly reload: () => Promise<void>;
}

/** Between two reads while a refund is on its way. */
const REFUND_MS = 5_000;

function StoryOfPayment({ story, isLoading, reload }: StoryProps) {
  const { texts, locale, format, operator } = usePage();
  const words = texts.payment;
  const { payment } = story;
  const clockOffset = Date.parse(payment.timestamp) - Date.now();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => focusIfFree(heading.current), []);
  const verdict = useRef<HTMLHeadingElement>(null);
  const [actCount, setActCount] = useState(0);
  useEffect(() => {
    if (actCount > 0) verdict.current?.focus();
  }, [actCount]);
  const isRefundOpen = payment.refunds.some((refund) => !isSettled(refund));
  useEffect(() => {
    if (!isRefundOpen) return;
    const timer = setInterval(() => document.visibilityState === "visible" && void reload(), REFUND_MS);
    return () => clearInterval(timer);
  }, [isRefundOpen, reload]);
  const attention = useAttention();
  const isDone = () => {
    setActCount((count) => count + 1);
    void attention.reload();
  };
  return (
    <div className="payment">
      <FoundBy phoneNumber={payment.phoneNumber} />
      <header className="payment-head">
        <h1 ref={heading} tabIndex={-1}>
          {format.amount(payment.amount, payment.currency)} <small>{words.title(payment.orderId)}</small>
        </h1>
        <StateMark payment={payment} isToGiveBack={story.actions.includes("acknowledge")} />
        <button type="button" className="quiet" onClick={reload} aria-disabled={isLoading || undefined}>
          {words.refresh}
        </button>
      </header>
      <div className="payment-first">
        <VerdictCard story={story} heading={verdict} />
        {operator.right === "act" && story.actions.length > 0 && <Actions {...{ story, reload }} onDone={isDone} />}
        <section className="picture" aria-label={words.customerSees}>
          <h2 className="label">{words.customerSees}</h2>
          <PaymentTracker {...{ payment, locale, clockOffset }} connection="connected" />
        </section>
      </div>
      <div className="payment-rest">
        <CustomerWords story={story} />
        <Timeline story={story} />
        <Attempts story={story} />
        <ShopNews story={story} />
        <Acts story={story} />
      </div>
    </div>
  );
}

/** Says how the search that opened the payment came to it; without a search nothing. */
function FoundBy({ phoneNumber }: { readonly phoneNumber: string }) {
  const { texts } = usePage();
  const words = texts.search;
  const lookups = useLookups();
  const [finding] = useState(lookups.finding);
  if (!finding) return null;
  const { field, value, agrees } = finding;
  const agreed = agrees.length > 1 ? "both" : agrees[0];
  return (
    <p className="found-by muted">
      {words.matched(words.fields[field], value)} {agreed && words.agrees[agreed]}{" "}
      {field === "operatorReference" && words.sender(phoneNumber.slice(-2))}
    </p>
  );
}

interface VerdictProps {
  readonly story: PaymentStory;
  readonly heading: RefObject<HTMLHeadingElement | null>;
}

function VerdictCard({ story, heading }: VerdictProps) {
  const page = usePage();
  const { texts, format } = page;
  const words = texts.payment;
  const now = useNow();
  const verdict = verdictOf(story);
  const { title, sentence } = words.verdicts[verdict];
  const { payment, delivery, nextCheckAt } = story;
  const difference = toGiveBack(verdict, story, page) ?? differenceIn(story, page);
  const nextCheck = () => {
    if (!nextCheckAt) return words.noMoreChecks;
    const moment = format.moment(nextCheckAt, now);
    return verdict === "failed" ? words.checkOfFailed(moment) : moment;
  };
  const facts = [
    [words.facts.reference, payment.reference],
    [words.facts.provider, payment.providerReference],
    [words.facts.operatorReference, payment.operatorReference],
    [words.facts.number, payment.phoneNumber],
    [words.facts.operator, payment.operator],
    [words.facts.nextCheck, nextCheck()],
    ...(payment.reason && !isGivenUp(payment) ? [[words.facts.reason, payment.reason]] : []),
  ] as const;
  const known = payment.status === "FAILED" ? facts.filter(([, value]) => value !== null) : facts;
  const age = (iso: string) => format.age(now - Date.parse(iso));
  return (
    <section className="card verdict" data-tone={TONE_OF_VERDICT[verdict]} data-verdict={verdict}>
      <h2 ref={heading} tabIndex={-1}>
        <ToneShape tone={TONE_OF_VERDICT[verdict]} />
        {title}
      </h2>
      {difference && <p className="difference">{difference}</p>}
      <p>
        {sentence} {payBackWords(verdict, story, page)}
      </p>
      <RefundList payment={payment} />
      {delivery.undeliveredSince && <p className="wrong">{words.undelivered(age(delivery.undeliveredSince))}</p>}
      <p className="muted small">
        {format.moment(payment.updatedAt, now)}, {words.since(age(payment.updatedAt))}
      </p>
      {payment.status === "FAILED" && <ReasonMeaning payment={payment} />}
      <dl className="facts">
        {known.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value ?? <span className="muted">{words.unknownValue}</span>}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The charges of an order that was paid twice that have something left to give back. */
const leftOf = (story: PaymentStory) => extraChargesOf(story).filter(({ left }) => left > 0);

/** Says how a payment that was one too many goes back; null for any other. */
function payBackWords(verdict: Verdict, story: PaymentStory, { texts }: Page): string | null {
  if (verdict !== "orderPaidTwice" && verdict !== "paidTwice") return null;
  const words = texts.payment.payBack;
  if (leftOf(story).length > 0) return story.actions.includes("refund") ? words.here : words.byDashboard;
  return refundsOfOrder(story).open > 0 ? words.open : words.done;
}

/** Says what is to be given back of an order that was paid twice; null where nothing is. */
function toGiveBack(verdict: Verdict, story: PaymentStory, { texts, format }: Page): string | null {
  if (!["orderPaidTwice", "paidTwice", "otherPaidToo"].includes(verdict)) return null;
  const words = texts.payment.difference;
  const extra = leftOf(story);
  if (extra.length === 0) return null;
  const left = extra.reduce((sum, charge) => sum + charge.left, 0);
  const amount = format.amount(left, story.payment.currency);
  const isWhole = extra.every((charge) => charge.left === charge.amount);
  const say = isWhole ? words.giveBack : words.giveBackRest;
  return [
    verdict === "otherPaidToo" ? words.giveBackOther(amount) : say(amount),
    ...extra.map(({ at, operatorReference }) => words.charge(format.exactMoment(at), operatorReference)),
  ].join(" ");
}

/** Says in one sentence how CamPay's record and the order differ; null where no record does. */
function differenceIn(story: PaymentStory, { texts, format }: Page): string | null {
  const record = disputedRecord(story);
  if (!record) return null;
  const { payment } = story;
  const words = texts.payment.difference;
  if (!record.isIncoming) return words.payout;
  if (record.amount === null || record.currency === null) return words.other;
  if (record.currency !== payment.currency) return words.currency(record.currency, payment.currency);
  return words.amount(format.amount(record.amount, record.currency), format.amount(payment.amount, payment.currency));
}
