import type { FailingOperator } from "./apiTypes";
import { useAttention } from "./attention";
import { dayOf } from "./format";
import { useNow } from "./PaymentTable";
import { usePage } from "./page";
import { hrefOf } from "./router";
import { ToneShape } from "./StateMark";

/** Says above every view whose last payments have all failed, with which words, and how far those are a cause. */
export function FailingStrip() {
  const { texts } = usePage();
  const { answer } = useAttention();
  const failing = answer?.failing ?? [];
  return (
    <>
      <p role="status" className="bp-unseen">
        {failing.map(({ operator }) => texts.failing.title(operator)).join(" ")}
      </p>
      {failing.map((it) => (
        <Failing key={it.operator} failing={it} />
      ))}
    </>
  );
}

function Failing({ failing }: { readonly failing: FailingOperator }) {
  const { texts, format } = usePage();
  const words = texts.failing;
  const now = useNow();
  const { operator, count, isWhole, since, phones, technical, lastPaidAt, reasons } = failing;
  const from = dayOf(Date.parse(since));
  return (
    <div className="notice strip" data-tone="negative" data-failing={operator}>
      <ToneShape tone="negative" />
      <div>
        <p>
          <strong>{words.line(operator, count, isWhole, format.moment(since, now))}</strong>{" "}
          {`${texts.list.phones(phones)}.`} {words.paid(lastPaidAt && format.moment(lastPaidAt, now))}{" "}
          <a href={hrefOf("payments", "", { operator, status: "FAILED", period: "days", from, to: dayOf(now) })}>
            {words.list}
          </a>
        </p>
        <p className="small">
          {words.cause(technical, count)}{" "}
          {reasons
            .map((it) => {
              const meaning = it.failureCode === "unknown" ? words.unknown : texts.failures[it.failureCode];
              return `${it.count} × ${meaning}${it.reason ? ` (${it.reason})` : ""}`;
            })
            .join(" · ")}
        </p>
      </div>
    </div>
  );
}
