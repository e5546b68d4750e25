import { useId, useState } from "react";

import { type Act, ActForm, Missing, REASON_FIELD, Reason } from "./ActForm";
import { type Charge, chargesToPayBack, extraChargesOf } from "./charges";
import { parseAmount } from "./format";
import { usePage } from "./page";
import { REFUND_TEXTS } from "./refundTexts";

/** Asks what of which charge goes back; of a payment that was one too many, all of the charge that came last. */
export function RefundForm(act: Act) {
  const { texts, locale, format } = usePage();
  const words = REFUND_TEXTS[locale];
  const {
    payment,
    payment: { currency },
  } = act.story;
  const charges = chargesToPayBack(act.story);
  const extra = payment.duplicate ? extraChargesOf(act.story).map(({ reference }) => reference) : [];
  const [chosen, setChosen] = useState(charges.at(-1)?.reference);
  const charge = charges.find(({ reference }) => reference === chosen) ?? charges.at(-1);
  const left = charge?.left ?? 0;
  const [typed, setTyped] = useState<string | null>(null);
  const [reason, setReason] = useState(payment.duplicate ? words.paidTwice : "");
  const text = typed ?? format.decimal(left, currency);
  const amount = parseAmount(text, currency);
  const written = format.amount(amount ?? left, currency);
  const most = format.amount(left, currency);
  const [field, hint] = [useId(), useId()];

  const decide = () => {
    if (!charge || !amount || amount > left) return new Missing(words.amountWrong(most), "input[name=amount]");
    if (reason.trim() === "") return new Missing(texts.actions.reasonMissing, REASON_FIELD);
    return { charge: charge.reference, amount, reason: reason.trim(), version: payment.version };
  };
  const choose = ({ reference }: Charge) => {
    setChosen(reference);
    setTyped(null);
  };
  return (
    <ActForm
      {...act}
      action="refund"
      decide={decide}
      explanation={words.explained(written, payment.phoneNumber, payment.orderId)}
      confirm={words.confirm(written)}
      done={({ refunds }) => words.done[refunds.at(-1)?.status ?? "SENDING"]}
    >
      <Charges {...{ charges, extra, currency, choose }} chosen={charge?.reference ?? null} />
      <label htmlFor={field}>{words.amount}</label>
      <input
        id={field}
        name="amount"
        inputMode="decimal"
        autoComplete="off"
        value={text}
        onChange={({ target }) => setTyped(target.value)}
        aria-describedby={hint}
      />
      <p id={hint} className="muted small">
        {words.atMost(most)}
      </p>
      <Reason value={reason} onChange={setReason} />
    </ActForm>
  );
}

interface ChargesProps {
  readonly charges: readonly Charge[];
  /** The references of those that were one too many. */
  readonly extra: readonly (string | null)[];
  readonly currency: string;
  readonly chosen: string | null;
  readonly choose: (charge: Charge) => void;
}

/** Names the charge that goes back; where there are several, one is chosen. */
function Charges({ charges, extra, currency, chosen, choose }: ChargesProps) {
  const { locale, format } = usePage();
  const words = REFUND_TEXTS[locale];
  const name = useId();
  return (
    <fieldset className="outcomes">
      <legend>{charges.length > 1 ? words.charges : words.charge}</legend>
      {charges.map((charge) => {
        const { reference, amount, at, operatorReference } = charge;
        return (
          <label key={reference}>
            <input type="radio" {...{ name }} checked={reference === chosen} onChange={() => choose(charge)} />
            <span>
              {words.chargeOf(format.amount(amount, currency), format.exactMoment(at), operatorReference)}
              {charges.length > 1 && extra.includes(reference) && <b> · {words.extra}</b>}
              <br />
              <span className="muted small">{reference}</span>
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}
