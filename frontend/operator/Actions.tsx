import { type FormEvent, useEffect, useId, useRef, useState } from "react";

import { ApiError } from "./api";
import type { PaymentStory } from "./apiTypes";
import { usePage } from "./page";
import { SignedOut } from "./session";
import { problemWords } from "./Trouble";

const LONGEST_REASON = 200;
/** Acts whose call takes a reason. The others have none to give: who and when stands in the history. */
const WITH_REASON: readonly string[] = ["resolve", "acknowledge"];

const OUTCOMES = ["SUCCESSFUL", "FAILED"] as const;
type Outcome = (typeof OUTCOMES)[number];

interface ActionsProps {
  readonly story: PaymentStory;
  readonly reload: () => Promise<void>;
  /** Is told when an act is done and its outcome is shown. */
  readonly onDone: () => void;
}

/** Offers what the payment's state allows; each act asks for a confirmation first. */
export function Actions({ story, reload, onDone }: ActionsProps) {
  const { texts } = usePage();
  const words = texts.actions;
  const [chosen, setChosen] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  const known = story.actions.filter((action) => words.names[action]);
  const opener = useRef<HTMLButtonElement | null>(null);
  const close = () => {
    setChosen(null);
    opener.current?.focus();
  };
  const end = async (sentence: string) => {
    setSaid(sentence);
    setChosen(null);
    await reload();
    onDone();
  };
  return (
    <section className="card actions">
      <h2>{words.title}</h2>
      <div className="buttons">
        {known.map((action) => (
          <button
            key={action}
            type="button"
            className={action === "resolve" ? "primary" : "quiet"}
            aria-expanded={chosen === action}
            onClick={({ currentTarget }) => {
              opener.current = currentTarget;
              setSaid("");
              setChosen(chosen === action ? null : action);
            }}
          >
            {words.names[action]}
          </button>
        ))}
      </div>
      {chosen && known.includes(chosen) && <Confirmation key={chosen} action={chosen} {...{ story, close, end }} />}
      <p role="status">{said}</p>
    </section>
  );
}

/** Whether the payment is no longer as it was shown, so that nothing was done. */
const isOutdated = (error: unknown) =>
  error instanceof ApiError && ["payment_changed", "not_allowed"].includes(error.problem?.code ?? "");

interface ConfirmationProps {
  readonly action: string;
  readonly story: PaymentStory;
  readonly close: () => void;
  /** Closes the confirmation, says what became of the act, and shows the payment as it is now. */
  readonly end: (sentence: string) => Promise<void>;
}

function Confirmation({ action, story, close, end }: ConfirmationProps) {
  const { api, texts } = usePage();
  const words = texts.actions;
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [reason, setReason] = useState("");
  const [trouble, setTrouble] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const decides = action === "resolve";
  const takesReason = WITH_REASON.includes(action);
  const form = useRef<HTMLFormElement>(null);
  const explanation = useId();
  useEffect(() => form.current?.focus(), []);

  const refuse = (sentence: string, field: string) => {
    setTrouble(sentence);
    form.current?.querySelector<HTMLElement>(field)?.focus();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    if (decides && outcome === null) return refuse(words.outcomeMissing, "input[type=radio]");
    if (takesReason && reason.trim() === "") return refuse(words.reasonMissing, "input:not([type=radio])");
    setIsBusy(true);
    setTrouble("");
    const seen = story.payment.version;
    const decision = takesReason
      ? { ...(decides && { status: outcome }), reason: reason.trim(), version: seen }
      : undefined;
    try {
      await api.act(story.payment.reference, action, decision);
      await end(words.done[action] ?? "");
    } catch (error) {
      if (isOutdated(error)) return end(problemWords(error, texts));
      setIsBusy(false);
      if (!(error instanceof SignedOut)) setTrouble(problemWords(error, texts, true));
    }
  };
  const outcomes = OUTCOMES.filter((status) => story.resolutions.includes(status));
  return (
    <form
      className="confirmation"
      ref={form}
      tabIndex={-1}
      aria-label={words.names[action]}
      aria-describedby={explanation}
      onSubmit={submit}
      onKeyDown={({ key }) => key === "Escape" && close()}
      noValidate
    >
      <p id={explanation}>{words.explained[action]}</p>
      {decides && <Outcomes statuses={outcomes} chosen={outcome} onChoose={setOutcome} />}
      {takesReason && <Reason value={reason} onChange={setReason} />}
      <p role="alert" className="wrong">
        {trouble}
      </p>
      <div className="buttons">
        <button type="submit" className="primary" aria-disabled={isBusy || undefined}>
          {isBusy ? words.busy : words.confirm}
        </button>
        <button type="button" className="quiet" onClick={close}>
          {words.cancel}
        </button>
      </div>
    </form>
  );
}

interface OutcomesProps {
  readonly statuses: readonly Outcome[];
  readonly chosen: Outcome | null;
  readonly onChoose: (status: Outcome) => void;
}

function Outcomes({ statuses, chosen, onChoose }: OutcomesProps) {
  const words = usePage().texts.actions;
  const name = useId();
  return (
    <fieldset className="outcomes">
      <legend>{words.decide}</legend>
      {statuses.map((status) => (
        <label key={status}>
          <input
            type="radio"
            {...{ name }}
            value={status}
            checked={chosen === status}
            onChange={() => onChoose(status)}
          />
          <span>
            <b>{words.outcomes[status]}</b>
            <br />
            <span className="muted small">{words.outcomesExplained[status]}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

interface ReasonProps {
  readonly value: string;
  readonly onChange: (reason: string) => void;
}

/** A field for why somebody acts. */
export function Reason({ value, onChange }: ReasonProps) {
  const { texts, operator } = usePage();
  const [field, hint] = [useId(), useId()];
  return (
    <>
      <label htmlFor={field}>{texts.actions.reason}</label>
      <input
        id={field}
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
