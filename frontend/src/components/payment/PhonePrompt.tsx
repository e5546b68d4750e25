import type { TrackerTexts } from "./paymentTexts";
import { clockWords } from "./trackerClock";

interface PhonePromptProps {
  readonly ussdCode: string | null;
  /** The time left, in milliseconds; NaN where it is unknown. */
  readonly timeLeft: number;
  readonly texts: TrackerTexts;
}

/** Says what to do when no prompt appears, and how much time is left. */
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
