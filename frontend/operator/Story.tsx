import type { Refund } from "../src/paymentContract";
import type { PaymentStory, PaymentVersion, ProviderRecord, ShopAttempt } from "./apiTypes";
import { isOpenDuplicate } from "./charges";
import { dayOf } from "./format";
import { useNow } from "./PaymentTable";
import { type Page, usePage } from "./page";
import { hrefOfPayment } from "./router";
import { Mark, StateMark } from "./StateMark";

/** Fields whose change the state, the cause or CamPay's answer says already. */
const SAID_ELSEWHERE: readonly string[] = [
  "status",
  "provider",
  "operator",
  "createdAt",
  "expiresAt",
  "ussdCode",
  "failureCode",
  "refundedAmount",
];

/** Lists every version of the payment with its cause and the time since the one before, oldest first. */
export function Timeline({ story }: { readonly story: PaymentStory }) {
  const { texts } = usePage();
  return (
    <section className="card">
      <h2>{texts.payment.story}</h2>
      <ol className="timeline">
        {story.versions.map((version, index) => {
          const before = story.versions[index - 1];
          const isOfNewDay = !before || dayOf(Date.parse(before.at)) !== dayOf(Date.parse(version.at));
          return <VersionRow key={version.version} {...{ version, isOfNewDay }} currency={story.payment.currency} />;
        })}
      </ol>
    </section>
  );
}

interface VersionRowProps {
  readonly version: PaymentVersion;
  /** Whether it is the first of its day, and so says the day. */
  readonly isOfNewDay: boolean;
  readonly currency: string;
}

function VersionRow({ version, isOfNewDay, currency }: VersionRowProps) {
  const page = usePage();
  const { texts, format } = page;
  const words = texts.payment;
  const { cause, by, note, at, msSincePrevious, evidence, changes } = version;
  const told = changes.filter(({ field, after }) => !SAID_ELSEWHERE.includes(field) && after !== null);
  return (
    <li data-version={version.version} data-status={version.status}>
      <p className="when">
        <time dateTime={at}>
          {isOfNewDay && `${format.day(at)}, `}
          {format.seconds(at)}
        </time>
        {msSincePrevious !== null && <span className="muted"> {words.after(format.duration(msSincePrevious))}</span>}
      </p>
      <p>
        <b>{words.causes[cause] ?? cause}</b>
        {by && ` ${words.byOperator(by)}`} <span className="muted">· {texts.states[version.status]}</span>
      </p>
      {note && <p className="note">{note}</p>}
      {evidence && <Evidence record={evidence} />}
      {told.length > 0 && (
        <dl className="facts small">
          {told.map(({ field, after }) => (
            <div key={field}>
              <dt>{words.fields[field] ?? field}</dt>
              <dd>{changeWords({ field, after }, version, page, currency)}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

/** The reason of a payment whose customer has ended the wait. */
const GIVEN_UP = "given_up";

type Change = Pick<PaymentVersion["changes"][number], "field" | "after">;

/** Says what a field has become; of the refunds those that this version has changed. */
function changeWords({ field, after }: Change, { version }: PaymentVersion, page: Page, currency: string): string {
  const { texts, format } = page;
  if (after === GIVEN_UP) return texts.givenUp;
  if (field !== "refunds") return valueWords(after, texts.payment.nothingYet);
  const changed = (after as readonly Refund[]).filter((refund) => refund.version === version);
  return changed
    .map(({ amount, status }) => `${format.amount(amount, currency)}, ${texts.refunds.states[status]}`)
    .join("; ");
}

function valueWords(value: unknown, nothing: string): string {
  if (Array.isArray(value)) return value.join(", ") || nothing;
  if (value === null || value === false) return nothing;
  return value === true ? "✓" : String(value);
}

function Evidence({ record }: { readonly record: ProviderRecord }) {
  const { texts, format } = usePage();
  const { amount, currency, fee, status, operatorReference, reason } = record;
  const written = (value: number | null) => value !== null && currency !== null && format.amount(value, currency);
  const kept = written(status === "SUCCESSFUL" ? fee : null);
  const said = [
    texts.payment.recordStates[status],
    written(amount),
    kept && texts.payment.fee(kept),
    operatorReference,
    reason,
  ].filter(Boolean);
  return (
    <p className="evidence">
      <span className="muted">{texts.payment.campaySays}</span> {said.join(" · ")}
    </p>
  );
}

/** Says what the shop's own server answered last, where it has an address. */
function ShopAnswer({ attempts }: { readonly attempts: readonly ShopAttempt[] }) {
  const { texts, format } = usePage();
  const last = attempts.at(-1);
  if (!last) return null;
  const { status } = last;
  const time = format.seconds(last.at);
  if (status !== null && status >= 200 && status < 300) {
    return <Mark tone="positive">{texts.payment.shopTook(time, status)}</Mark>;
  }
  return <Mark tone="caution">{texts.payment.shopDidNotTake(time, status, attempts.length)}</Mark>;
}

/** Lists what the shop was told of each version, and whether it has been. */
export function ShopNews({ story }: { readonly story: PaymentStory }) {
  const { texts, format } = usePage();
  const words = texts.payment;
  const news = story.versions.flatMap(({ orderEvents, announced, at }) =>
    orderEvents.map((event) => ({ ...event, announced, at })),
  );
  return (
    <section className="card">
      <h2>{words.shop}</h2>
      {news.length === 0 && <p className="muted">{words.nothingToTell}</p>}
      <ul className="rows">
        {news.map(({ id, type, announced, at, takenAt, busId, attempts }) => (
          <li key={id}>
            <span>
              {format.day(at)}, {format.seconds(at)} <b>{words.shopEvents[type] ?? type}</b>{" "}
              <small className="muted">{id}</small>
              {busId && (
                <small className="muted">
                  <br />
                  {words.busId(busId)}
                </small>
              )}
            </span>
            <span>
              <Mark tone={announced ? "positive" : "caution"}>
                {announced ? words.told(takenAt && format.seconds(takenAt)) : words.notTold}
              </Mark>
              <ShopAnswer attempts={attempts ?? []} />
            </span>
          </li>
        ))}
      </ul>
      <p className="muted small">
        {words.screens(story.delivery.deliveredVersion, story.payment.version)} {words.shopHint}
      </p>
    </section>
  );
}

/** Lists all attempts of the order with their charges, so that an order paid twice is seen at once. */
export function Attempts({ story }: { readonly story: PaymentStory }) {
  const { texts, format } = usePage();
  const words = texts.payment;
  const { attempts, attemptCount, chargeCount } = story.order;
  const isFinal = attempts.length === attemptCount && attempts.every(({ payment }) => payment.status === "FAILED");
  const disputedCount = attempts.reduce((sum, { disputed }) => sum + disputed.length, 0);
  return (
    <section className="card" data-tone={chargeCount > 1 ? "caution" : undefined} data-charges={chargeCount}>
      <h2>{words.attempts(attemptCount)}</h2>
      <p className={chargeCount > 1 ? "difference" : "muted"}>
        {[
          (chargeCount > 0 || disputedCount === 0) && words.charges(chargeCount, isFinal),
          disputedCount > 0 && words.disputed(disputedCount),
        ]
          .filter(Boolean)
          .join(" ")}
      </p>
      <ul className="rows">
        {attempts.map((attempt) => {
          const { payment, active, paysOrder, acknowledged, charges } = attempt;
          const flags = [
            payment.reference === story.payment.reference && words.thisOne,
            paysOrder && words.paysOrder,
            active && words.active,
            charges.length > 0 && words.charges(charges.length, isFinal),
            acknowledged && words.fields["acknowledged"],
          ].filter(Boolean);
          return (
            <li key={payment.reference}>
              <span>
                <a
                  href={hrefOfPayment(payment.reference)}
                >{`${format.day(payment.createdAt)}, ${format.seconds(payment.createdAt)}`}</a>{" "}
                {format.amount(payment.amount, payment.currency)} · {payment.phoneNumber}
                <span className="muted small"> {flags.join(" · ")}</span>
              </span>
              <StateMark payment={payment} isToGiveBack={isOpenDuplicate(attempt)} />
            </li>
          );
        })}
      </ul>
      {attempts.length < attemptCount && <p className="muted small">{words.notAllListed}</p>}
    </section>
  );
}

/** Lists what people have asked for, by name, also where it changed nothing. */
export function Acts({ story }: { readonly story: PaymentStory }) {
  const { texts, format } = usePage();
  const now = useNow();
  return (
    <section className="card acts">
      <h2>{texts.payment.acts}</h2>
      {story.acts.length === 0 && <p className="muted">{texts.payment.noActs}</p>}
      <ul className="rows">
        {story.acts.map(({ action, by, at, status, note }) => (
          <li key={`${at} ${action}`}>
            <span>
              <b>{by}</b> · {texts.actions.names[action] ?? action}
              {status && ` · ${texts.states[status as keyof typeof texts.states] ?? status}`}
              {note && <span className="note"> {note}</span>}
            </span>
            <time dateTime={at} className="muted small">
              {format.moment(at, now)}
            </time>
          </li>
        ))}
      </ul>
    </section>
  );
}
