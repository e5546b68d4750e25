import { useLocale } from "../../hooks/useLocale";
import type { Locale } from "../../locale";
import type { Problem } from "../../paymentContract";
import { TRACKER_TEXTS } from "./paymentTexts";
import { clockWords, useDeviceTime } from "./trackerClock";

export interface ProblemWordsProps {
  readonly problem: Problem;
  /** When trying again makes sense, in milliseconds by this device's clock; null where it is unknown. */
  readonly retryAt: number | null;
  /** The language; by default French, unless the browser prefers English. */
  readonly locale?: Locale;
}

/** Says in the page's form why nothing was started, and counts down to when trying again makes sense. */
export function ProblemWords({ problem, retryAt, locale }: ProblemWordsProps) {
  return (
    <>
      <span role="alert">{problem.detail}</span>
      {retryAt !== null && <RetryTime retryAt={retryAt} locale={locale} />}
    </>
  );
}

/** Shows a problem beside the form or the payment. That the order is paid already is good news. */
export function ProblemNotice(props: ProblemWordsProps) {
  const tone = props.problem.code === "order_already_paid" ? "positive" : "negative";
  return (
    <p className={`bp-problem bp-${tone}`} part="checkout">
      <ProblemWords {...props} />
    </p>
  );
}

function RetryTime({ retryAt, locale }: { readonly retryAt: number; readonly locale: Locale | undefined }) {
  const texts = TRACKER_TEXTS[useLocale(locale)];
  const left = retryAt - useDeviceTime(true);
  if (Number.isNaN(left)) return null;
  return (
    <span role="timer" aria-live="off">
      {" "}
      {left > 0 ? texts.retryIn(clockWords(Math.floor(left / 1000))) : texts.retryNow}
    </span>
  );
}
