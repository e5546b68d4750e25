import { lazy, Suspense, useEffect, useId, useRef, useState } from "react";

import { type Act, ActForm, Missing, REASON_FIELD, Reason } from "./ActForm";
import type { PaymentStory } from "./apiTypes";
import { usePage } from "./page";
import type { TitleAndSentence } from "./texts";

/** It is loaded for a payment that it may pay back. */
const loadRefundForm = async () => ({ default: (await import("./RefundForm")).RefundForm });
const RefundForm = lazy(loadRefundForm);
/** The outcomes of a refund that CamPay has never told of. Their texts are loaded where they are needed. */
const RefundOutcomes = lazy(async () => {
  const { REFUND_TEXTS } = await import("./refundTexts");
  // biome-ignore lint/correctness/noComponentHookFactories: it is made once, when its texts have been loaded
  const OfRefund = (given: Omit<OutcomesProps, "words">) => (
    <Outcomes {...given} words={REFUND_TEXTS[usePage().locale].outcomes} />
  );
  return { default: OfRefund };
});

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
  const isUsual = (action: string) => action === "resolve" || (action === "refund" && story.payment.duplicate);
  const mayRefund = known.includes("refund");
  useEffect(() => {
    if (mayRefund) void loadRefundForm().catch(() => {}); // the form says so where it is opened
  }, [mayRefund]);
  const Form = chosen === "refund" ? RefundForm : Confirmation;
  return (
    <section className="card actions">
      <h2>{words.title}</h2>
      <div className="buttons">
        {known.map((action) => (
          <button
            key={action}
            type="button"
            className={isUsual(action) ? "primary" : "quiet"}
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
      {chosen && known.includes(chosen) && (
        <Suspense fallback={<p className="muted">{texts.loading}</p>}>
          <Form key={chosen} action={chosen} {...{ story, close, end }} />
        </Suspense>
      )}
      <p role="status">{said}</p>
    </section>
  );
}

interface ConfirmationProps extends Act {
  readonly action: string;
}

function Confirmation({ action, ...act }: ConfirmationProps) {
  const words = usePage().texts.actions;
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [reason, setReason] = useState("");
  const { story } = act;
  const decides = action === "resolve";
  const takesReason = WITH_REASON.includes(action);
  const decide = () => {
    if (decides && outcome === null) return new Missing(words.outcomeMissing, "input[type=radio]");
    if (takesReason && reason.trim() === "") return new Missing(words.reasonMissing, REASON_FIELD);
    const seen = story.payment.version;
    return takesReason ? { ...(decides && { status: outcome }), reason: reason.trim(), version: seen } : undefined;
  };
  const outcomes = OUTCOMES.filter((status) => story.resolutions.includes(status));
  const choice = { statuses: outcomes, chosen: outcome, onChoose: setOutcome };
  return (
    <ActForm
      {...act}
      {...{ action, decide }}
      explanation={words.explained[action] ?? ""}
      confirm={words.confirm}
      done={() => words.done[action] ?? ""}
    >
      {decides &&
        (story.payment.status === "SUCCESSFUL" ? (
          <RefundOutcomes {...choice} />
        ) : (
          <Outcomes {...choice} words={words.outcomes} />
        ))}
      {takesReason && <Reason value={reason} onChange={setReason} />}
    </ActForm>
  );
}

interface OutcomesProps {
  readonly statuses: readonly Outcome[];
  readonly words: Readonly<Record<Outcome, TitleAndSentence>>;
  readonly chosen: Outcome | null;
  readonly onChoose: (status: Outcome) => void;
}

function Outcomes({ statuses, words, chosen, onChoose }: OutcomesProps) {
  const { decide } = usePage().texts.actions;
  const name = useId();
  return (
    <fieldset className="outcomes">
      <legend>{decide}</legend>
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
            <b>{words[status].title}</b>
            <br />
            <span className="muted small">{words[status].sentence}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
