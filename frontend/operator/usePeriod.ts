import type { Analytics } from "./apiTypes";
import { dayOf } from "./format";
import { type Loaded, useLoaded, usePage } from "./page";
import { hrefOf, type Route, replaceBy } from "./router";

const DAY_MS = 24 * 3_600_000;

interface Period<Name extends string> extends Loaded<Analytics> {
  /** Which of the periods it is; it stands in the view's address. */
  readonly name: Name;
  readonly names: readonly Name[];
  readonly choose: (name: Name) => void;
  /** Its first and its last day. */
  readonly from: string;
  readonly to: string;
}

/** Reads the analytics of one of several periods, a week at first. `days`: how many each has; the API shows 92 at most. */
export function usePeriod<Name extends string>(
  route: Route,
  days: Readonly<Record<Name | "week", number>>,
): Period<Name | "week"> {
  const { api } = usePage();
  const names = Object.keys(days) as (Name | "week")[];
  const name = names.find((each) => each === route.query.get("period")) ?? "week";
  const now = Date.now();
  const [from, to] = [dayOf(now - (days[name] - 1) * DAY_MS), dayOf(now)];
  const loaded = useLoaded(`${from} ${to}`, () => api.get<Analytics>(`analytics?from=${from}&to=${to}`));
  const choose = (next: string) => replaceBy(hrefOf(route.view, "", { period: next }));
  return { ...loaded, name, names, choose, from, to };
}
