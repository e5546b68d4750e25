import { type FormEvent, useState } from "react";
import { Reason } from "../ActForm";
import { ApiError } from "../api";
import { type ComparedDay, type ComparedDays, DIFFERENCES, type Finding, type FindingKind } from "../apiTypes";
import { dayOf } from "../format";
import { type Page, useLoaded, usePage } from "../page";
import { hrefOf, hrefOfPayment, type Route } from "../router";
import { Mark, type Tone } from "../StateMark";
import { SignedOut } from "../session";
import { STATEMENT_TEXTS } from "../statementTexts";
import { problemWords, Trouble } from "../Trouble";

const DAY_MS = 24 * 3_600_000;
const SHOWN = 7;
/** The most that the API shows. */
const MOST = 31;

/** What the nightly comparisons with CamPay's statement found, the newest first. */
export function Statement({ route }: { readonly route: Route }) {
  const { api, texts, locale, format } = usePage();
  const words = STATEMENT_TEXTS[locale];
  const shown = route.query.get("days") === String(MOST) ? MOST : SHOWN;
  const now = Date.now();
  const [from, to] = [dayOf(now - (shown - 1) * DAY_MS), dayOf(now)];
  const { answer, error, reload } = useLoaded(`${from} ${to}`, () =>
    api.get<ComparedDays>(`statement?from=${from}&to=${to}`),
  );
  const yesterday = dayOf(now - DAY_MS);
  return (
    <>
      <section className="card">
        <h1>{words.title}</h1>
        <p className="muted">{words.intro}</p>
        <Trouble error={error} onRetry={reload} />
        {!answer && error === null && <p className="muted">{texts.loading}</p>}
        {answer && !answer.days.some(({ day }) => day >= yesterday) && (
          <p className="notice" data-tone="caution">
            {words.lastNightMissing(format.day(yesterday))}
          </p>
        )}
      </section>
      {answer?.days.map((day) => (
        <Day key={day.day} day={day} reload={reload} />
      ))}
      {answer && shown < MOST && (
        <p>
          <a href={hrefOf("statement", "", { days: String(MOST) })}>{words.older}</a>
        </p>
      )}
    </>
  );
}

interface DayProps {
  readonly day: ComparedDay;
  readonly reload: () => Promise<void>;
}

function Day({ day, reload }: DayProps) {
  const page = usePage();
  const { locale, format, operator } = page;
  const words = STATEMENT_TEXTS[locale];
  const count = differenceCount(day);
  const [tone, state] = stateOf(day, page);
  return (
    <section className="card day" data-tone={day.isOpen ? "caution" : undefined} data-day={day.day}>
      <h2>
        <time dateTime={day.day}>{format.day(day.day)}</time> <Mark tone={tone}>{state}</Mark>
      </h2>
      <p>{matchedWords(day, page)}</p>
      {DIFFERENCES.map((kind) => (
        <Findings key={kind} kind={kind} day={day} />
      ))}
      {day.findings.madeGood.count > 0 && (
        <details>
          <summary>{words.kinds.madeGood(day.findings.madeGood.count)}</summary>
          <Findings kind="madeGood" day={day} />
        </details>
      )}
      {day.isOpen && operator.right === "act" && <SignOff day={day} reload={reload} />}
      <Signatures day={day} />
      <p className="muted small">
        {words.compared(format.moment(day.comparedAt))}
        {count > 0 && ` ${words.stays}`}
      </p>
    </section>
  );
}

const differenceCount = ({ findings }: ComparedDay) => DIFFERENCES.reduce((sum, kind) => sum + findings[kind].count, 0);

function stateOf(day: ComparedDay, { locale }: Page): [tone: Tone, words: string] {
  const count = differenceCount(day);
  if (count === 0) return ["positive", STATEMENT_TEXTS[locale].agrees];
  return day.isOpen
    ? ["caution", STATEMENT_TEXTS[locale].open(count)]
    : ["neutral", STATEMENT_TEXTS[locale].signed(count)];
}

/** Says how many charges both sides have, and their money by the statement. */
function matchedWords({ matched, money }: ComparedDay, { locale, format }: Page): string {
  const amounts = Object.entries(money).map(([currency, { gross, fee, feesUnknown }]) =>
    STATEMENT_TEXTS[locale].amounts(
      format.amount(gross, currency),
      feesUnknown === 0 ? format.amount(fee, currency) : null,
    ),
  );
  return [STATEMENT_TEXTS[locale].matched(matched, format.number(matched)), ...amounts].join(" · ");
}

interface FindingsProps {
  readonly kind: FindingKind;
  readonly day: ComparedDay;
}

/** Lists the findings of a kind, each a link to its payment where it has one. */
function Findings({ kind, day }: FindingsProps) {
  const page = usePage();
  const words = STATEMENT_TEXTS[page.locale];
  const { count, found } = day.findings[kind];
  if (count === 0) return null;
  return (
    <div data-kind={kind}>
      {kind !== "madeGood" && <h3>{words.kinds[kind](count)}</h3>}
      <p className="muted small">{words.meanings[kind]}</p>
      <ul className="rows">
        {found.map((finding) => (
          <li key={`${finding.reference} ${finding.providerReference}`}>
            <span>
              <b>{amountWords(finding, kind, page)}</b>
              <span className="muted small"> {detailWords(finding, page)}</span>
            </span>
            <span>
              {finding.reference ? (
                <a href={hrefOfPayment(finding.reference)}>{words.payment(finding.reference.slice(0, 8))}</a>
              ) : (
                words.noPayment
              )}
              {finding.isSigned && day.isOpen && <Mark tone="neutral">{words.seen}</Mark>}
            </span>
          </li>
        ))}
      </ul>
      {count > found.length && <p className="muted small">{words.more(page.format.number(count - found.length))}</p>}
    </div>
  );
}

function amountWords({ listed, claimed }: Finding, kind: FindingKind, { texts, format }: Page): string {
  const words = texts.payment.unknownValue;
  const there = listed ? format.amount(listed.amount, listed.currency) : words;
  const here = claimed ? format.amount(claimed.amount, claimed.currency) : words;
  if (kind === "amountDiffers") return texts.payment.difference.amount(there, here);
  return kind === "missingThere" ? here : there;
}

function detailWords({ operator, operatorReference, providerReference }: Finding, { texts }: Page): string {
  const id = operatorReference && `${texts.payment.facts.operatorReference} ${operatorReference}`;
  return [operator, id, providerReference && `CamPay ${providerReference}`].filter(Boolean).join(" · ");
}

function Signatures({ day }: { readonly day: ComparedDay }) {
  const { locale, format } = usePage();
  if (day.signOffs.length === 0) return null;
  return (
    <ul className="rows signatures">
      {day.signOffs.map(({ by, at, reason, counts }) => (
        <li key={`${at} ${by}`}>
          <span>
            <b>{by}</b> ·{" "}
            {STATEMENT_TEXTS[locale].signedCount(Object.values(counts).reduce((sum, count) => sum + count, 0))}
            <span className="note"> {reason}</span>
          </span>
          <time dateTime={at} className="muted small">
            {format.moment(at)}
          </time>
        </li>
      ))}
    </ul>
  );
}

/** Asks for a reason, and signs the differences as they are shown. */
function SignOff({ day, reload }: DayProps) {
  const { api, texts, locale } = usePage();
  const words = STATEMENT_TEXTS[locale];
  const [isAsked, setIsAsked] = useState(false);
  const [reason, setReason] = useState("");
  const [trouble, setTrouble] = useState("");
  const [isBusy, setIsBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    if (reason.trim() === "") return setTrouble(texts.actions.reasonMissing);
    setIsBusy(true);
    setTrouble("");
    try {
      await api.post("statement", { day: day.day, fingerprint: day.fingerprint, reason: reason.trim() });
      await reload();
    } catch (error) {
      setIsBusy(false);
      if (error instanceof SignedOut) return;
      setTrouble(problemWords(error, texts, true));
      if (error instanceof ApiError && error.problem?.code === "differences_changed") await reload();
    }
  };
  if (!isAsked) {
    return (
      <div className="buttons">
        <button type="button" className="primary" onClick={() => setIsAsked(true)}>
          {words.sign}
        </button>
      </div>
    );
  }
  return (
    <form className="confirmation" onSubmit={submit} noValidate>
      <p>{words.signExplained}</p>
      <Reason value={reason} onChange={setReason} />
      <p role="alert" className="wrong">
        {trouble}
      </p>
      <div className="buttons">
        <button type="submit" className="primary" aria-disabled={isBusy || undefined}>
          {isBusy ? texts.actions.busy : texts.actions.confirm}
        </button>
        <button type="button" className="quiet" onClick={() => setIsAsked(false)}>
          {texts.actions.cancel}
        </button>
      </div>
    </form>
  );
}
