import type { OperatorWords, TrackerTexts } from "./paymentTexts";
import { clockWords } from "./trackerClock";

interface PhonePromptProps {
  readonly ussdCode: string | null;
  /** The amount as the customer reads it on the phone. */
  readonly amount: string;
  readonly operator: OperatorWords;
  /** The time left, in milliseconds; NaN where it is unknown. */
  readonly timeLeft: number;
  readonly texts: TrackerTexts;
}

/**
 * Says what to do on the phone, step by step, and how much time is left. It names no menu of the operator's: CamPay
 * tells the code to dial, and what its menu looks like is not documented.
 */
export function PhonePrompt({ ussdCode, amount, operator, timeLeft, texts }: PhonePromptProps) {
  const { label, wait, noPrompt, check, approve } = texts.toDo;
  return (
    <div className="bp-prompt">
      <ol className="bp-to-do" aria-label={label}>
        <li>
          {wait(operator)}
          {ussdCode && (
            <>
              {" "}
              {noPrompt} <UssdCode code={ussdCode} texts={texts} />
            </>
          )}
        </li>
        <li>{check(amount)}</li>
        <li>{approve(operator)}</li>
      </ol>
      {timeLeft >= 0 && <CountDown timeLeft={timeLeft} label={texts.timeLeft} />}
    </div>
  );
}

/** Builds the tel: URL. A bare "#" would begin a fragment, and the phone would dial only a part of the code. */
export function UssdCode({ code, texts }: { readonly code: string; readonly texts: TrackerTexts }) {
  return (
    <a className="bp-ussd" href={`tel:${encodeURIComponent(code)}`} aria-label={texts.dial(code)}>
      {code}
    </a>
  );
}

/** Shows the count-down. Its role `timer` keeps screen readers from announcing each second. */
export function CountDown({ timeLeft, label }: { readonly timeLeft: number; readonly label: string }) {
  return (
    <p className="bp-count-down">
      {label}{" "}
      <span role="timer" aria-live="off">
        {clockWords(Math.floor(timeLeft / 1000))}
      </span>
    </p>
  );
}
