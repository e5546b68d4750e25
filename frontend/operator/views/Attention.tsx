import type { AttentionDay, AttentionItem, AttentionList, DayNeed, PaymentNeed } from "../apiTypes";
import { countWords, useAttention } from "../attention";
import { PaymentTable } from "../PaymentTable";
import { usePage } from "../page";
import { hrefOf } from "../router";
import { ToneShape } from "../StateMark";
import { Trouble } from "../Trouble";

/** What needs a person, by kind: what is wrong, since when, and what to do. What has waited longest comes first. */
export function Attention() {
  const { texts, format } = usePage();
  const words = texts.attention;
  const { answer, error, isLoading, reload } = useAttention();
  return (
    <>
      <section className="card">
        <div className="buttons attention-head">
          <h1>{words.title}</h1>
          <button type="button" className="quiet" onClick={reload} aria-disabled={isLoading || undefined}>
            {texts.list.refresh}
          </button>
        </div>
        {answer?.items.length === 0 && answer.days.length === 0 && (
          <p className="outcome" data-tone="positive">
            <ToneShape tone="positive" /> {words.nothing}
          </p>
        )}
        <p role="status" className="muted small">
          {answer && texts.list.updated(format.seconds(answer.timestamp))}
        </p>
        <Trouble error={error} onRetry={reload} />
        {!answer && error === null && <p className="muted">{texts.loading}</p>}
      </section>
      {answer && groupsOf(answer.items).map(([kind, items]) => <Kind key={kind} {...{ kind, items, answer }} />)}
      {answer && groupsOf(answer.days).map(([kind, days]) => <Days key={kind} {...{ kind, days }} />)}
    </>
  );
}

interface KindProps {
  readonly kind: PaymentNeed;
  readonly items: readonly AttentionItem[];
  readonly answer: AttentionList;
}

function Kind({ kind, items, answer }: KindProps) {
  const { texts, format } = usePage();
  const words = texts.attention;
  const { title, sentence } = words.kinds[kind];
  const count = countWords([answer.counts[kind]], format.number);
  const since = new Map(items.map((item) => [item.payment.reference, item.since]));
  return (
    <section className="card" data-tone="caution" data-kind={kind}>
      <h2>
        {title} <small className="muted">{count}</small>
      </h2>
      <p>{kind === "duplicate" && items.some(isPaidBackHere) ? words.payBackHere : sentence}</p>
      <PaymentTable payments={items.map(({ payment }) => payment)} since={since} />
      {items.length < answer.counts[kind] && (
        <p className="muted small">{words.oldestOf(format.number(items.length), count)}</p>
      )}
    </section>
  );
}

/** Whether this page pays back, or has begun to. */
const isPaidBackHere = ({ actions, payment }: AttentionItem) =>
  actions.includes("refund") || payment.refunds.length > 0;

interface DaysProps {
  readonly kind: DayNeed;
  readonly days: readonly AttentionDay[];
}

/** Days on which CamPay's statement differs, or was not compared; each leads to what was found. */
function Days({ kind, days }: DaysProps) {
  const { texts, format } = usePage();
  const { title, sentence } = texts.attention.kinds[kind];
  return (
    <section className="card" data-tone="caution" data-kind={kind}>
      <h2>
        {title} <small className="muted">{format.number(days.length)}</small>
      </h2>
      <p>{sentence}</p>
      <ul className="rows">
        {days.map(({ day, differences }) => (
          <li key={day}>
            <a href={hrefOf("statement", "", { days: "31" })}>{format.day(day)}</a>
            {differences !== null && <span className="muted">{texts.attention.differences(differences)}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Groups the items by kind, without changing their order. */
function groupsOf<Kind, Item extends { readonly kind: Kind }>(
  items: readonly Item[],
): readonly (readonly [Item["kind"], readonly Item[]])[] {
  const kinds = [...new Set(items.map(({ kind }) => kind))];
  return kinds.map((kind) => [kind, items.filter((item) => item.kind === kind)] as const);
}
