import type { Analytics, MoneyFigures } from "../apiTypes";
import { saveCsv } from "../downloadCsv";
import { MONEY_TEXTS } from "../moneyTexts";
import { Choice } from "../PreferenceChoice";
import { type Page, usePage } from "../page";
import type { Route } from "../router";
import { Trouble } from "../Trouble";
import { usePeriod } from "../usePeriod";

/** How many days each period has. */
const PERIODS = { today: 1, week: 7, month: 30, quarter: 92 } as const;
const COLUMNS = ["charges", "gross", "fee", "net"] as const;

interface Row {
  readonly day: string;
  readonly operator: string;
  readonly currency: string;
  readonly money: MoneyFigures;
}

/** What came in, what CamPay kept and what is left, by day and operator. */
export function Money({ route }: { readonly route: Route }) {
  const { texts, locale } = usePage();
  const words = MONEY_TEXTS[locale];
  const { name, names, choose, from, to, answer, error, isLoading, reload } = usePeriod(route, PERIODS);
  const rows = answer ? rowsOf(answer) : [];
  return (
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
      {answer && rows.length === 0 && <p className="muted">{words.none}</p>}
      {answer && rows.length > 0 && (
        <>
          {Object.entries(answer.total.money).map(([currency, money]) => (
            <Totals key={currency} {...{ currency, money }} />
          ))}
          <p className="muted small">{words.note}</p>
          <MoneyTable rows={rows} />
        </>
      )}
      <div className="buttons">
        <button type="button" className="quiet" onClick={reload} aria-disabled={isLoading || undefined}>
          {texts.list.refresh}
        </button>
        {rows.length > 0 && <Download {...{ rows, from, to }} />}
      </div>
    </section>
  );
}

function rowsOf({ days }: Analytics): Row[] {
  return [...days]
    .reverse()
    .flatMap(({ day, operators }) =>
      operators.flatMap(({ operator, figures }) =>
        Object.entries(figures.money).map(([currency, money]) => ({ day, operator, currency, money })),
      ),
    );
}

interface TotalsProps {
  readonly currency: string;
  readonly money: MoneyFigures;
}

/** The sums of all days, each with what it means. */
function Totals({ currency, money }: TotalsProps) {
  const page = usePage();
  const words = MONEY_TEXTS[page.locale];
  return (
    <dl className="totals">
      {COLUMNS.map((name) => (
        <div key={name} data-total={name}>
          <dt>{words.columns[name]}</dt>
          <dd>
            <b>{written(name, money, currency, page)}</b>
            <small>{words.meanings[name]}</small>
            {name === "fee" && money.feesUnknown > 0 && <small className="wrong">{unknownWords(money, page)}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function MoneyTable({ rows }: { readonly rows: readonly Row[] }) {
  const page = usePage();
  const words = MONEY_TEXTS[page.locale];
  return (
    <table className="money">
      <thead>
        <tr>
          <th scope="col">{words.columns.day}</th>
          <th scope="col">{words.columns.operator}</th>
          {COLUMNS.map((name) => (
            <th key={name} scope="col" className="figure">
              {words.columns[name]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ day, operator, currency, money }) => (
          <tr key={`${day} ${operator} ${currency}`} data-operator={operator}>
            <th scope="row" className="day">
              <time dateTime={day}>{page.format.day(day)}</time>
            </th>
            <td className="operator">{operator === "unknown" ? words.unknownOperator : operator}</td>
            {COLUMNS.map((name) => (
              <td key={name} className={`figure ${name}`} data-label={words.columns[name]}>
                {written(name, money, currency, page)}
                {name === "fee" && money.feesUnknown > 0 && <small>{unknownWords(money, page)}</small>}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Writes one figure. A net with an unknown fee is told as the most that it can be. */
function written(name: (typeof COLUMNS)[number], money: MoneyFigures, currency: string, page: Page): string {
  const { locale, format } = page;
  if (name === "charges") return format.number(money.charges);
  if (name === "net" && money.net === null) {
    return MONEY_TEXTS[locale].atMost(format.amount(money.gross - money.fee, currency));
  }
  return format.amount(name === "net" ? (money.net ?? 0) : money[name], currency);
}

const unknownWords = ({ feesUnknown }: MoneyFigures, { locale }: Page) => MONEY_TEXTS[locale].feesUnknown(feesUnknown);

interface DownloadProps {
  readonly rows: readonly Row[];
  readonly from: string;
  readonly to: string;
}

/** Saves the table as a file, amounts as ISO 4217 writes them. Without an exact net its cell is empty. */
function Download({ rows, from, to }: DownloadProps) {
  const { texts, locale, format } = usePage();
  const words = MONEY_TEXTS[locale];
  const header = [words.columns.day, words.columns.operator, words.currency, ...COLUMNS.map((it) => words.columns[it])];
  const cells = rows.map(({ day, operator, currency, money }) => [
    day,
    operator,
    currency,
    String(money.charges),
    ...[money.gross, money.fee, money.net].map((it) => (it === null ? "" : format.decimal(it, currency))),
    String(money.feesUnknown),
  ]);
  const save = () => saveCsv([[...header, words.feesUnknownColumn], ...cells], locale, `money-${from}-${to}.csv`);
  return (
    <button type="button" className="quiet" onClick={save}>
      {texts.list.csv}
    </button>
  );
}
