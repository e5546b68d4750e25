import type { CSSProperties } from "react";

import { ANALYTICS_TEXTS } from "../analyticsTexts";
import type { Analytics as AnalyticsAnswer, AnalyticsFigures } from "../apiTypes";
import { FIGURES, type FigureName } from "../figures";
import { Choice } from "../PreferenceChoice";
import { type Page, usePage } from "../page";
import { hrefOf, type Route } from "../router";
import { Trouble } from "../Trouble";
import { usePeriod } from "../usePeriod";

/** How many days each period has. */
const PERIODS = { week: 7, month: 30, quarter: 90 } as const;

/** How payments go: what has become of them, how fast, and why not, by operator and by day. */
export function Analytics({ route }: { readonly route: Route }) {
  const { texts, locale } = usePage();
  const words = ANALYTICS_TEXTS[locale];
  const { name, names, choose, answer, error, isLoading, reload } = usePeriod(route, PERIODS);
  return (
    <>
      <section className="card">
        <h1>{words.title}</h1>
        <Choice
          label={words.period}
          options={names.map((each) => [each, words.periods[each]] as const)}
          chosen={name}
          onChoose={choose}
        />
        <Trouble error={error} onRetry={reload} />
        {isLoading && !answer && <p className="muted">{texts.loading}</p>}
        {answer?.total.started === 0 && <p className="muted">{words.none}</p>}
        {answer && answer.total.started > 0 && <ByOperator answer={answer} />}
        <div className="buttons">
          <button type="button" className="quiet" onClick={reload} aria-disabled={isLoading || undefined}>
            {texts.list.refresh}
          </button>
        </div>
      </section>
      {answer && answer.total.started > 0 && (
        <>
          <Reasons figures={answer.total} />
          <Further figures={answer.total} />
          <ByDay days={answer.days} />
        </>
      )}
    </>
  );
}

/** Each figure with what it means, for each operator and for all. What lacks a webhook leads to the list of it. */
function ByOperator({ answer }: { readonly answer: AnalyticsAnswer }) {
  const page = usePage();
  const words = ANALYTICS_TEXTS[page.locale];
  const { from, to } = answer;
  const columns = [...answer.operators, { operator: "", figures: answer.total }];
  return (
    <table className="figures" style={{ "--columns": columns.length } as CSSProperties}>
      <thead>
        <tr>
          <th scope="col">{words.figure}</th>
          {columns.map(({ operator }) => (
            <th key={operator} scope="col" className="figure">
              {operator === "" ? words.all : operatorName(operator, page)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {FIGURES.map((name) => (
          <tr key={name} data-figure={name}>
            <th scope="row">
              {words.figures[name]}
              <small>{words.meanings[name]}</small>
            </th>
            {columns.map(({ operator, figures }) => (
              <td key={operator} className="figure">
                {name === "webhooksMissing" && figures[name] > 0 && operator !== "unknown" ? (
                  <a
                    href={hrefOf("payments", "", { period: "days", from, to, operator, webhook: "missing" })}
                    aria-label={`${words.figures[name]}: ${written(name, figures, page)}`}
                  >
                    {written(name, figures, page)}
                  </a>
                ) : (
                  written(name, figures, page)
                )}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Reasons({ figures }: { readonly figures: AnalyticsFigures }) {
  const { locale, format } = usePage();
  const words = ANALYTICS_TEXTS[locale];
  const reasons = Object.entries(figures.reasons);
  const most = Math.max(1, ...reasons.map(([, count]) => count));
  return (
    <section className="card">
      <h2>{words.reasons}</h2>
      <p className="muted small">{words.reasonsMeaning}</p>
      {reasons.length === 0 ? (
        <p className="muted">{words.noReasons}</p>
      ) : (
        <ul className="bars">
          {reasons.map(([reason, count]) => (
            <li key={reason} style={{ "--share": count / most } as CSSProperties}>
              <span>{reason === "unknown" ? words.unknown : reason}</span>
              <b>{format.number(count)}</b>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** What trying again has won, by what had become of the attempt before. */
function Further({ figures }: { readonly figures: AnalyticsFigures }) {
  const { locale, format } = usePage();
  const words = ANALYTICS_TEXTS[locale];
  const rows = Object.entries(figures.furtherAttempts.after);
  return (
    <section className="card">
      <h2>{words.further}</h2>
      <p className="muted small">{words.furtherMeaning}</p>
      {rows.length === 0 ? (
        <p className="muted">{words.noFurther}</p>
      ) : (
        <ul className="bars">
          {rows.map(([before, { started, paid }]) => (
            <li key={before} data-before={before} style={{ "--share": started ? paid / started : 0 } as CSSProperties}>
              <span>{words.before[before] ?? words.unknown}</span>
              <b>{words.won(format.number(paid), format.number(started))}</b>
            </li>
          ))}
        </ul>
      )}
      {figures.promptRetries.payments > 0 && (
        <p>{words.retries(format.number(figures.promptRetries.payments), format.number(figures.promptRetries.paid))}</p>
      )}
    </section>
  );
}

/** The same figures day by day, the newest first. On a phone each is a card, without what is zero. */
function ByDay({ days }: { readonly days: AnalyticsAnswer["days"] }) {
  const page = usePage();
  const words = ANALYTICS_TEXTS[page.locale];
  return (
    <section className="card">
      <h2>{words.byDay}</h2>
      <p className="muted small">{words.byDayMeaning}</p>
      <table className="days">
        <thead>
          <tr>
            <th scope="col">{words.day}</th>
            <th scope="col" className="operator">
              {words.operator}
            </th>
            {FIGURES.map((name) => (
              <th key={name} scope="col" className="figure">
                {words.figures[name]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.toReversed().flatMap(({ day, operators }) =>
            operators.map(({ operator, figures }) => (
              <tr key={`${day} ${operator}`} data-day={day} data-operator={operator}>
                <th scope="row" className="day">
                  <time dateTime={day}>{page.format.day(day)}</time>
                </th>
                <td className="operator">{operatorName(operator, page)}</td>
                {FIGURES.map((name) => (
                  <td
                    key={name}
                    className="figure"
                    data-label={words.figures[name]}
                    data-empty={isEmpty(name, figures) || undefined}
                  >
                    {written(name, figures, page)}
                  </td>
                ))}
              </tr>
            )),
          )}
        </tbody>
      </table>
    </section>
  );
}

const operatorName = (operator: string, { locale }: Page) =>
  operator === "unknown" ? ANALYTICS_TEXTS[locale].unknown : operator;

function figureOf(name: FigureName, figures: AnalyticsFigures): number | null {
  switch (name) {
    case "p50":
    case "p95":
      return figures.secondsToApprove[name];
    case "further":
      return figures.furtherAttempts.started;
    case "furtherPaid":
      return figures.furtherAttempts.paid;
    case "retried":
      return figures.promptRetries.payments;
    default:
      return figures[name];
  }
}

const isEmpty = (name: FigureName, figures: AnalyticsFigures) => name !== "successRate" && !figureOf(name, figures);

function written(name: FigureName, figures: AnalyticsFigures, { format }: Page): string {
  const value = figureOf(name, figures);
  if (value === null) return "–";
  if (name === "successRate") return format.percent(value);
  return name === "p50" || name === "p95" ? format.duration(value * 1000) : format.number(value);
}
