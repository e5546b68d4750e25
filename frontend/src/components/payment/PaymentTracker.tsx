import { useEffect, useRef, useState } from "react";

import { formatAmount } from "../../currency";
import { useLocale } from "../../hooks/useLocale";
import type { Locale } from "../../locale";
import type { PaymentEvent, Problem } from "../../paymentContract";
import { type Connection, type GivingUp, isWaiting } from "../../paymentWatch";
import { NotAnswered } from "./NotAnswered";
import { PaymentFacts } from "./PaymentFacts";
import { PhonePrompt } from "./PhonePrompt";
import { ProgressSteps } from "./ProgressSteps";
import { isNotAnswered, isReceipt, mayChange, pictureOf, progressOf } from "./paymentPicture";
import {
  type PictureText,
  paidAtOf,
  questionOf,
  receiptOf,
  refundsOf,
  TRACKER_TEXTS,
  textOf,
  toldOf,
} from "./paymentTexts";
import { Receipt } from "./Receipt";
import { StatusMark } from "./StatusMark";
import { Support } from "./Support";
import { TrackerActions } from "./TrackerActions";
import { useDeviceTime, useNotice } from "./trackerClock";

export interface PaymentTrackerProps {
  readonly payment: PaymentEvent | null;
  readonly connection: Connection;
  /** Milliseconds to add to this device's clock to get the server's time. */
  readonly clockOffset?: number;
  /**
   * `sending`: the call that starts the payment is under way; `unsent`: the API cannot be reached, nothing has left;
   * `unknown`: the call's answer was lost, it is repeated.
   */
  readonly phase?: "sending" | "unsent" | "unknown" | "tracking";
  /** Why tracking or initiating was refused. */
  readonly problem?: Problem | null;
  /** The language; by default French, unless the browser prefers English. */
  readonly locale?: Locale;
  /** The shop's name, as its customers know it. */
  readonly merchantName?: string | undefined;
  /** The name that the operator's prompt shows, if it is not the shop's: a stranger's would frighten. */
  readonly promptName?: string | undefined;
  /** The shop's WhatsApp number with its country code, or an address such as `mailto:…`. */
  readonly support?: string | undefined;
  /** The number that the customer has typed in this tab. The server only knows it masked. */
  readonly phoneNumber?: string | undefined;
  /** The payment's reference, known before the payment is. */
  readonly reference?: string | null | undefined;
  /** The state of the last `onGiveUp`. */
  readonly givingUp?: GivingUp;
  /** Goes back to the form; offered as long as nothing has been sent. */
  readonly onCancel?: (() => void) | undefined;
  /** Starts a further attempt with the same number; offered after FAILED and EXPIRED only. */
  readonly onRetry?: (() => void) | undefined;
  /** Ends the wait, if there is one, and goes back to the form; offered wherever another attempt or giving up is. */
  readonly onChangeNumber?: (() => void) | undefined;
  /** Ends the wait for an approval; offered when the wait is long. */
  readonly onGiveUp?: (() => void) | undefined;
  /** Continues to the shop; offered when the order is paid. */
  readonly onContinue?: (() => void) | undefined;
}

/** Shows a payment. It makes no calls itself; its styles are in `tracker.css`. */
export function PaymentTracker(props: PaymentTrackerProps) {
  const { payment: known, connection, clockOffset = 0, phase = "tracking", problem = null, givingUp = "idle" } = props;
  const { onRetry, onCancel, onChangeNumber, onGiveUp, onContinue } = props;
  const locale = useLocale(props.locale);
  const texts = TRACKER_TEXTS[locale];
  const now = useDeviceTime(isWaiting(known)) + clockOffset;
  const picture = pictureOf({ phase, payment: known, problem, connection, now });
  const { name, payment } = picture;
  const told = toldOf(props, payment, texts);
  const { title, sentence: said } = textOf(picture, texts, problem, told);
  const refunds = payment ? refundsOf(payment, locale, texts) : [];
  const sentence = name === "duplicate" && refunds.length > 0 ? "" : said; // it says that the shop will pay back
  const amount = known && formatAmount(known.amount, known.currency, locale);
  const progress = progressOf(picture);
  const notice = useNotice(connection, payment !== null);
  const spoken = [
    amount && `${amount}.`,
    sentence,
    ...refunds,
    name === "checkPhone" && texts.toDo.approve(told),
  ].filter(Boolean);
  const timeLeft = Date.parse(payment?.expiresAt || "") - now;
  const asked = isNotAnswered(picture, now) ? payment : null;
  const heading = useRef<HTMLHeadingElement>(null);
  const facts = useRef<HTMLDListElement>(null);
  const isPaid = payment !== null && isReceipt(picture) && !Number.isNaN(now); // on a server it has no date
  const paidAt = isPaid ? paidAtOf(payment, locale) : null;

  const retry = () => {
    heading.current?.focus(); // the button disappears, and the focus would be lost with it
    onRetry?.();
  };

  return (
    <section
      className="bp-tracker"
      part="checkout"
      data-picture={name}
      data-status={payment?.status}
      data-version={payment?.version}
      lang={locale}
    >
      <Announcement
        subject={asked ? "question" : `${name}${refunds}`}
        text={asked ? questionOf(asked, texts) : { title, sentence: spoken.join(" ") }}
        isUrgent={name === "orderPaidElsewhere"}
      />
      <StatusMark picture={name} />
      <h2 className="bp-title" ref={heading} tabIndex={-1}>
        {title}
      </h2>
      {amount && <p className="bp-amount">{amount}</p>}
      {sentence && <p className="bp-sentence">{sentence}</p>}
      {refunds.map((refund) => (
        <p key={refund} className="bp-notice bp-positive">
          {refund}
        </p>
      ))}
      <div role="status">
        {notice && mayChange(picture) && <p className="bp-notice bp-caution">{texts.notices[notice]}</p>}
      </div>
      {name === "checkPhone" && !asked && amount && (
        <PhonePrompt ussdCode={picture.payment.ussdCode} operator={told} {...{ amount, timeLeft, texts }} />
      )}
      {asked && <NotAnswered payment={asked} {...{ timeLeft, givingUp, texts, heading, onGiveUp, onChangeNumber }} />}
      {progress && <ProgressSteps progress={progress} texts={texts} />}
      <TrackerActions
        picture={picture}
        texts={texts}
        onCancel={onCancel}
        onRetry={onRetry && retry}
        onChangeNumber={onChangeNumber}
        onContinue={onContinue}
      />
      {known && <PaymentFacts order={known} list={facts} {...{ payment, told, paidAt, texts }} />}
      {isPaid && <Receipt text={receiptOf(payment, told, locale, texts)} {...{ facts, texts }} />}
      {props.support && (
        <Support
          support={props.support}
          order={known?.orderId || ""}
          reference={payment?.reference || problem?.reference || props.reference || ""}
          texts={texts}
        />
      )}
    </section>
  );
}

/** Builds the text for screen readers, which need a full stop after the title to pause there. */
const asSentence = (title: string) => (/[!?…]$/.test(title) ? title : `${title}.`);

interface AnnouncementProps {
  /** Identifies the picture: only a change of it is announced, not a change of its text. */
  readonly subject: string;
  readonly text: PictureText;
  readonly isUrgent: boolean;
}

/** Announces a new picture to screen readers. Only an urgent one interrupts what they are reading. */
function Announcement({ subject, text, isUrgent }: AnnouncementProps) {
  const [spoken, setSpoken] = useState("");
  const words = `${asSentence(text.title)} ${text.sentence}`;
  // After rendering: screen readers do not announce a live region that is added together with its text.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new picture is announced, not a change of its text
  useEffect(() => setSpoken(words), [subject]);
  return (
    <div className="bp-unseen">
      <p aria-live="polite">{isUrgent ? "" : spoken}</p>
      <p aria-live="assertive">{isUrgent ? spoken : ""}</p>
    </div>
  );
}
