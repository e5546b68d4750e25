import { type FormEvent, useId, useRef, useState } from "react";

import type { PaymentStory } from "./apiTypes";
import { usePage } from "./page";
import { SignedOut } from "./session";
import { problemWords } from "./Trouble";

const LONGEST_REASON = 200;
/** Acts whose call takes a reason. The others have none to give: who and when stands in the history. */
const WITH_REASON: readonly string[] = ["resolve", "acknowledge"];

interface ActionsProps {
  readonly story: PaymentStory;
  readonly reload: () => Promise<void>;
}

/** Offers what the payment's state allows; each act asks for a confirmation first. */
export function Actions({ story, reload }: ActionsProps) {
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
  const isDone = async (action: string) => {
    setSaid(words.done[action] ?? "");
    setChosen(null);
    await reload();
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
      {chosen && known.includes(chosen) && <Confirmation key={chosen} action={chosen} {...{ story, close, isDone }} />}
      <p role="status">{said}</p>
    </section>
  );
}

interface ConfirmationProps {
  readonly action: string;
  readonly story: PaymentStory;
  readonly close: () => void;
  readonly isDone: (action: string) => Promise<void>;
}

function Confirmation({ action, story, close, isDone }: ConfirmationProps) {
  const { api, texts, operator } = usePage();
  const words = texts.actions;
  const [outcome, setOutcome] = useState<"SUCCESSFUL" | "FAILED" | "">("");
  const [reason, setReason] = useState("");
  const [trouble, setTrouble] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const ids = { reason: useId(), hint: useId(), outcome: useId() };
  const decides = action === "resolve";
  const takesReason = WITH_REASON.includes(action);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    if (decides && outcome === "") return setTrouble(words.outcomeMissing);
    if (takesReason && reason.trim() === "") return setTrouble(words.reasonMissing);
    setIsBusy(true);
    setTrouble("");
    const decision = takesReason ? { ...(decides && { status: outcome }), reason: reason.trim() } : undefined;
    try {
      await api.act(story.payment.reference, action, decision);
      await isDone(action);
    } catch (error) {
      setIsBusy(false);
      if (!(error instanceof SignedOut)) setTrouble(problemWords(error, texts, true));
    }
  };
  const outcomes = (["SUCCESSFUL", "FAILED"] as const).filter((status) => story.resolutions.includes(status));
  return (
    <form className="confirmation" onSubmit={submit} noValidate>
      <p>{words.explained[action]}</p>
      {decides && (
        <fieldset className="outcomes">
          <legend>{words.decide}</legend>
          {outcomes.map((status) => (
            <label key={status}>
              <input
                type="radio"
                name={ids.outcome}
                value={status}
                checked={outcome === status}
                onChange={() => setOutcome(status)}
              />
              <span>
                <b>{words.outcomes[status]}</b>
                <br />
                <span className="muted small">{words.outcomesExplained[status]}</span>
              </span>
            </label>
          ))}
        </fieldset>
      )}
      {takesReason && (
        <>
          <label htmlFor={ids.reason}>{words.reason}</label>
          <input
            id={ids.reason}
            value={reason}
            maxLength={LONGEST_REASON}
            autoComplete="off"
            onChange={({ target }) => setReason(target.value)}
            aria-describedby={ids.hint}
          />
          <p id={ids.hint} className="muted small">
            {words.reasonHint(operator.name)}
          </p>
        </>
      )}
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
