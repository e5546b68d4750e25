import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";

import { ApiError } from "./api";
import type { PaymentEvent, PaymentStory } from "./apiTypes";
import { usePage } from "./page";
import { SignedOut } from "./session";
import { problemWords } from "./Trouble";

/** What an act's form opens from, and what it ends in. */
export interface Act {
  readonly story: PaymentStory;
  readonly close: () => void;
  /** Closes the form, says what became of the act, and shows the payment as it is now. */
  readonly end: (sentence: string) => Promise<void>;
}

/** What keeps a form from being sent. */
export class Missing {
  /** `field`: selects what is to be filled in. */
  constructor(
    readonly sentence: string,
    readonly field: string,
  ) {}
}

interface ActFormProps extends Act {
  readonly action: string;
  readonly explanation: string;
  /** Returns the call's body. */
  readonly decide: () => object | undefined | Missing;
  /** Says what became of the act. */
  readonly done: (payment: PaymentEvent) => string;
  /** Of the button that sends it. */
  readonly confirm: string;
  readonly children?: ReactNode;
}

/** Whether the payment is no longer as it was shown, so that nothing was done. */
const isOutdated = (error: unknown) =>
  error instanceof ApiError && ["payment_changed", "not_allowed"].includes(error.problem?.code ?? "");

/** The second look at an act: what it does, what it takes, and the button that does it, once. */
export function ActForm({ story, action, explanation, close, end, decide, done, confirm, children }: ActFormProps) {
  const { api, texts } = usePage();
  const words = texts.actions;
  const [trouble, setTrouble] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const explained = useId();
  useEffect(() => form.current?.focus(), []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    const decision = decide();
    if (decision instanceof Missing) {
      setTrouble(decision.sentence);
      form.current?.querySelector<HTMLElement>(decision.field)?.focus();
      return;
    }
    setIsBusy(true);
    setTrouble("");
    try {
      await end(done(await api.act(story.payment.reference, action, decision)));
    } catch (error) {
      if (isOutdated(error)) return end(problemWords(error, texts));
      setIsBusy(false);
      if (!(error instanceof SignedOut)) setTrouble(problemWords(error, texts, true));
    }
  };
  return (
    <form
      className="confirmation"
      ref={form}
      tabIndex={-1}
      aria-label={words.names[action]}
      aria-describedby={explained}
      onSubmit={submit}
      onKeyDown={({ key }) => key === "Escape" && close()}
      noValidate
    >
      <p id={explained}>{explanation}</p>
      {children}
      <p role="alert" className="wrong">
        {trouble}
      </p>
      <div className="buttons">
        <button type="submit" className="primary" aria-disabled={isBusy || undefined}>
          {isBusy ? words.busy : confirm}
        </button>
        <button type="button" className="quiet" onClick={close}>
          {words.cancel}
        </button>
      </div>
    </form>
  );
}

interface ReasonProps {
  readonly value: string;
  readonly onChange: (reason: string) => void;
}

const LONGEST_REASON = 200;
/** Selects the field of the reason in its form. */
export const REASON_FIELD = "input[name=reason]";

/** A field for why somebody acts. */
export function Reason({ value, onChange }: ReasonProps) {
  const { texts, operator } = usePage();
  const [field, hint] = [useId(), useId()];
  return (
    <>
      <label htmlFor={field}>{texts.actions.reason}</label>
      <input
        id={field}
        name="reason"
        value={value}
        maxLength={LONGEST_REASON}
        autoComplete="off"
        onChange={({ target }) => onChange(target.value)}
        aria-describedby={hint}
      />
      <p id={hint} className="muted small">
        {texts.actions.reasonHint(operator.name)}
      </p>
    </>
  );
}
