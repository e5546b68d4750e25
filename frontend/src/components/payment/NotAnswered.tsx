import { type RefObject, useLayoutEffect, useRef } from "react";

import type { PaymentEvent } from "../../paymentContract";
import type { GivingUp } from "../../paymentWatch";
import { CountDown, UssdCode } from "./PhonePrompt";
import { operatorWords, questionOf, type TrackerTexts } from "./paymentTexts";
import { Action } from "./TrackerActions";

interface NotAnsweredProps {
  readonly payment: PaymentEvent;
  /** The time left, in milliseconds; NaN where it is unknown. */
  readonly timeLeft: number;
  readonly givingUp: GivingUp;
  readonly texts: TrackerTexts;
  /** The element that gets the focus when the focused button disappears. */
  readonly heading: RefObject<HTMLElement | null>;
  readonly onGiveUp: (() => void) | undefined;
  readonly onChangeNumber: (() => void) | undefined;
}

/** Asks whether the prompt arrived, says what to do, and lets the customer give up. */
export function NotAnswered({ payment, timeLeft, givingUp, texts, heading, ...acts }: NotAnsweredProps) {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = panel;
    return () => {
      if (current?.contains(focusedBeside(current))) heading.current?.focus();
    };
  }, [heading]);

  const words = texts.notAnswered;
  const { title, sentence } = questionOf(payment, texts);
  const hasAnswers = acts.onGiveUp !== undefined || acts.onChangeNumber !== undefined;
  const isBusy = givingUp === "asking";
  return (
    <div className="bp-prompt" ref={panel}>
      <h3 className="bp-question">{title}</h3>
      <p className="bp-no-prompt">{sentence}</p>
      {payment.ussdCode && <UssdCode code={payment.ussdCode} texts={texts} />}
      {timeLeft >= 0 && <CountDown timeLeft={timeLeft} label={texts.timeLeft} />}
      {hasAnswers && <p className="bp-otherwise">{words.otherwise}</p>}
      <div className="bp-answers">
        <Action className="bp-give-up" label={words.refusedIt} act={acts.onGiveUp} isBusy={isBusy} />
        <Action className="bp-change-number" label={texts.changeNumber} act={acts.onChangeNumber} isBusy={isBusy} />
      </div>
      <p className="bp-giving-up" role="status">
        {isBusy && words.asking(operatorWords(payment, texts))}
        {givingUp === "unanswered" && words.unanswered}
      </p>
    </div>
  );
}

/** Returns the focused element of the document, or of the shadow root, that `element` is in. */
function focusedBeside(element: Element): Element | null {
  return (element.getRootNode() as Document | ShadowRoot).activeElement;
}
