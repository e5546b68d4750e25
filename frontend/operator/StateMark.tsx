import { isGivenUp } from "../src/paymentContract";
import type { PaymentEvent } from "./apiTypes";
import { usePage } from "./page";
import type { Texts } from "./texts";

export type Tone = "accent" | "positive" | "negative" | "caution" | "neutral";

/** Each tone has a shape of its own, so that nothing is told by colour alone. */
const SHAPES: Readonly<Record<Tone, string>> = {
  accent: "M4 8h.01M8 8h.01M12 8h.01",
  positive: "M4 8.5l2.8 2.8L12 5.5",
  negative: "M5 5l6 6M11 5l-6 6",
  caution: "M8 3.5v5.5M8 12.2h.01",
  neutral: "M4.5 8h7",
};

export function toneOf(payment: PaymentEvent): Tone {
  if (payment.duplicate) return "caution";
  switch (payment.status) {
    case "SUCCESSFUL":
      return "positive";
    case "CONFLICTED":
      return "caution";
    case "FAILED":
      return "negative";
    case "EXPIRED":
      return "neutral";
    default:
      return "accent";
  }
}

/** Returns the payment's state in words, such as "Paid, late". */
function stateWords(payment: PaymentEvent, isToGiveBack: boolean, texts: Texts): string {
  const state = isGivenUp(payment) ? texts.givenUp : texts.states[payment.status];
  const { late, duplicate, refundedAmount, amount } = payment;
  const isBack = refundedAmount > 0;
  return [
    state,
    late && texts.late,
    duplicate && (isToGiveBack && !isBack ? texts.toGiveBack : texts.twice),
    isBack && texts.paidBack(refundedAmount >= amount),
  ]
    .filter(Boolean)
    .join(", ");
}

interface StateMarkProps {
  readonly payment: PaymentEvent;
  /** Whether it was one too many, and nobody has dealt with it yet. */
  readonly isToGiveBack: boolean;
}

export function StateMark({ payment, isToGiveBack }: StateMarkProps) {
  const { texts } = usePage();
  return <Mark tone={toneOf(payment)}>{stateWords(payment, isToGiveBack, texts)}</Mark>;
}

/** A word with its tone's colour and shape. */
export function Mark({ tone, children }: { readonly tone: Tone; readonly children: React.ReactNode }) {
  return (
    <span className="mark" data-tone={tone}>
      <ToneShape tone={tone} />
      {children}
    </span>
  );
}

export function ToneShape({ tone }: { readonly tone: Tone }) {
  return (
    <svg className="tone-shape" viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[tone]} />
    </svg>
  );
}
