import type { TrackerTexts } from "./paymentTexts";
import { clockWords } from "./trackerClock";

interface PhonePromptProps {
  readonly ussdCode: string | null;
  /** In milliseconds; NaN when the payment does not say. */
  readonly timeLeft: number;
  readonly texts: TrackerTexts;
}

/** What to do when no prompt appears, and how long there is. */
export function PhonePrompt({ ussdCode, timeLeft, texts }: PhonePromptProps) {
  return (
    <div className="bp-prompt">
      {ussdCode && (
        <>
          <p className="bp-no-prompt">{texts.noPrompt}</p>
          <UssdCode code={ussdCode} texts={texts} />
        </>
      )}
      {timeLeft >= 0 && <CountDown timeLeft={timeLeft} label={texts.timeLeft} />}
    </div>
  );
}

/** A bare "#" would begin a fragment, and the phone would dial half of the code. */
export function UssdCode({ code, texts }: { readonly code: string; readonly texts: TrackerTexts }) {
  return (
    <a className="bp-ussd" href={`tel:${encodeURIComponent(code)}`} aria-label={texts.dial(code)}>
      {code}
    </a>
  );
}

/** A timer is silent to screen readers, unless they are asked to read it. */
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
