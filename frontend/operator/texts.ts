/** Defines which texts the page has; one that is missing in French or in English is a type error. */

import type { Locale } from "../src/locale";
import type { FailureCode, RefundStatus } from "../src/paymentContract";
import type { Need, PaymentStatus } from "./apiTypes";
import type { Doubt } from "./pastedText";
import type { Theme } from "./preferences";
import { en } from "./texts.en";
import { fr } from "./texts.fr";

/** What an operator should know of a payment first. */
export type Verdict =
  | "paid"
  | "paidLate"
  | "paidTwice"
  | "orderPaidTwice"
  | "otherPaidToo"
  | "paidTwiceSettled"
  | "differs"
  | "reviewedPaid"
  | "reviewedUnpaid"
  | "waiting"
  | "unknownYet"
  | "expired"
  | "givenUp"
  | "failed"
  | "orderPaidElsewhere";

export interface TitleAndSentence {
  readonly title: string;
  readonly sentence: string;
}

export interface Texts {
  readonly title: string;
  /** The page's parts did not come, or not the address of the API: the service or the connection is away. */
  readonly notLoaded: string;
  readonly reload: string;
  readonly skip: string;
  readonly times: string;
  readonly navigation: Readonly<Record<ViewName, string>>;
  readonly navigationLabel: string;
  readonly menu: {
    readonly language: string;
    readonly theme: string;
    readonly themes: Readonly<Record<Theme, string>>;
    readonly rights: Readonly<Record<"view" | "act", string>>;
    readonly signOut: string;
  };
  readonly signIn: {
    readonly title: string;
    readonly sentence: string;
    readonly ended: string;
    readonly key: string;
    readonly hint: string;
    readonly submit: string;
    readonly busy: string;
    readonly wrong: string;
    /** Before a session ends. */
    readonly endsSoon: (time: string) => string;
    readonly renew: string;
  };
  readonly problems: Readonly<Record<string, string>>;
  readonly noAnswer: string;
  readonly noAnswerToAct: string;
  readonly tryAgain: string;
  readonly loading: string;
  readonly unknownView: TitleAndSentence;
  readonly brokenView: TitleAndSentence;
  readonly states: Readonly<Record<PaymentStatus, string>>;
  readonly givenUp: string;
  /** Why a payment was not paid, in a few words. */
  readonly failures: Readonly<Record<Exclude<FailureCode, "unknown">, string>>;
  readonly late: string;
  readonly twice: string;
  readonly toGiveBack: string;
  /** `isWhole`: whether all that was paid. */
  readonly paidBack: (isWhole: boolean) => string;
  readonly search: {
    readonly label: string;
    readonly hint: string;
    readonly submit: string;
    readonly busy: string;
    readonly found: (count: number) => string;
    readonly more: string;
    /** What in the text is not the payment's. */
    readonly doubts: Readonly<Record<Doubt, string>>;
    readonly nothing: string;
    readonly nothingHelp: string;
    /** By what was looked for, such as "the id in the SMS". */
    readonly fields: Readonly<
      Record<"orderId" | "reference" | "short" | "providerReference" | "operatorReference" | "phoneNumber", string>
    >;
    /** What to ask for where the beginning of our reference has found nothing. */
    readonly shortHelp: string;
    readonly lookedFor: (fields: string) => string;
    /** What the found payments were found by. */
    readonly matched: (field: string, value: string) => string;
    /** What else in the text is the payment's. */
    readonly agrees: Readonly<Record<Doubt | "both", string>>;
    /** `digits`: the last ones of the payment's number; no SMS says who pastes it. */
    readonly sender: (digits: string) => string;
    readonly unreadable: string;
    readonly latest: string;
    readonly all: string;
  };
  readonly list: {
    readonly title: string;
    readonly periods: Readonly<Record<"hour" | "today" | "yesterday" | "week" | "days", string>>;
    readonly period: string;
    readonly from: string;
    readonly to: string;
    readonly state: string;
    readonly operator: string;
    readonly minimum: string;
    readonly maximum: string;
    readonly webhook: string;
    readonly webhookMissing: string;
    readonly all: string;
    readonly columns: Readonly<Record<"time" | "order" | "amount" | "operator" | "number" | "state" | "age", string>>;
    readonly noneAtAll: string;
    readonly more: string;
    readonly count: (shown: string, hasMore: boolean) => string;
    readonly phones: (count: number) => string;
    readonly csv: string;
    readonly csvBusy: (rows: string) => string;
    readonly csvDone: (rows: string) => string;
    readonly refresh: string;
    readonly updated: (time: string) => string;
  };
  readonly attention: {
    readonly title: string;
    readonly nothing: string;
    /** `cases` writes the count, with a plus sign where there may be more. */
    readonly strip: (cases: string, count: number, age: string) => string;
    readonly open: string;
    readonly kinds: Readonly<Record<Need, TitleAndSentence>>;
    /** What to do with a second payment where this page can pay it back. */
    readonly payBackHere: string;
    readonly differences: (count: number) => string;
    readonly oldestOf: (shown: string, all: string) => string;
  };
  /** Where an operator's last payments have all failed. */
  /** Of an operator whose last payments have all failed; the rest is loaded where it is said. */
  readonly failing: (operator: string) => string;
  readonly today: {
    readonly title: string;
    readonly live: string;
    readonly lost: (since: string, asOf: string) => string;
    readonly paid: string;
    /** How it differs from the gross of the view Money. */
    readonly paidMeaning: string;
    readonly payments: (count: number) => string;
    readonly rate: string;
    readonly approve: string;
    readonly waiting: string;
    readonly oldest: (age: string) => string;
    readonly changes: string;
    readonly nothing: string;
    readonly period: string;
    readonly days: (count: string) => string;
    readonly day: string;
    readonly paidByDay: string;
    readonly rateByDay: string;
    readonly inFigures: string;
  };
  readonly payment: {
    /** Of the browser's window, and so of its history: without the order. */
    readonly name: string;
    readonly title: (order: string) => string;
    readonly since: (age: string) => string;
    readonly refresh: string;
    readonly customerSees: string;
    readonly verdicts: Readonly<Record<Verdict, TitleAndSentence>>;
    readonly difference: {
      readonly amount: (charged: string, asked: string) => string;
      readonly currency: (charged: string, asked: string) => string;
      readonly giveBack: (amount: string) => string;
      /** Where a part has gone back, or is on its way. */
      readonly giveBackRest: (amount: string) => string;
      readonly giveBackOther: (amount: string) => string;
      /** What the charge is known by: its time, and the id in the customer's SMS. */
      readonly charge: (moment: string, id: string | null) => string;
      readonly payout: string;
      readonly other: string;
    };
    /** How a second payment goes back: by CamPay's dashboard, by this page, by a refund that is under way, or it has. */
    readonly payBack: Readonly<Record<"byDashboard" | "here" | "open" | "done", string>>;
    readonly undelivered: (age: string) => string;
    readonly facts: Readonly<
      Record<"reference" | "provider" | "operatorReference" | "number" | "operator" | "nextCheck" | "reason", string>
    >;
    readonly noMoreChecks: string;
    /** Why CamPay is asked again of a payment that it has said is not paid. */
    readonly checkOfFailed: (moment: string) => string;
    readonly unknownValue: string;
    readonly story: string;
    readonly causes: Readonly<Record<string, string>>;
    readonly byOperator: (name: string) => string;
    readonly after: (duration: string) => string;
    readonly campaySays: string;
    readonly fee: (amount: string) => string;
    readonly recordStates: Readonly<Record<"PENDING" | "SUCCESSFUL" | "FAILED" | "UNKNOWN", string>>;
    readonly claimed: string;
    readonly changed: string;
    readonly fields: Readonly<Record<string, string>>;
    readonly nothingYet: string;
    readonly shop: string;
    readonly shopHint: string;
    readonly shopEvents: Readonly<Record<string, string>>;
    /** `time`: when the event bus took it; null where that is not noted. */
    readonly told: (time: string | null) => string;
    readonly busId: (id: string) => string;
    readonly notTold: string;
    /** `answer`: the HTTP status of the shop's server. */
    readonly shopTook: (time: string, answer: number) => string;
    /** `answer`: null where there was none. `count`: of the attempts. */
    readonly shopDidNotTake: (time: string, answer: number | null, count: number) => string;
    readonly nothingToTell: string;
    readonly screens: (delivered: number, newest: number) => string;
    readonly attempts: (count: number) => string;
    /** `isFinal`: whether no further charge can come to be known. */
    readonly charges: (count: number, isFinal: boolean) => string;
    readonly disputed: (count: number) => string;
    readonly thisOne: string;
    readonly paysOrder: string;
    readonly active: string;
    readonly notAllListed: string;
    readonly acts: string;
    readonly noActs: string;
  };
  readonly refunds: {
    readonly title: string;
    readonly states: Readonly<Record<RefundStatus, string>>;
    /** `charge`: CamPay's reference of the charge. */
    readonly of: (charge: string) => string;
  };
  readonly actions: {
    readonly title: string;
    readonly names: Readonly<Record<string, string>>;
    readonly explained: Readonly<Record<string, string>>;
    readonly decide: string;
    readonly outcomes: Readonly<Record<"SUCCESSFUL" | "FAILED", TitleAndSentence>>;
    readonly reason: string;
    readonly reasonHint: (name: string) => string;
    readonly reasonMissing: string;
    readonly outcomeMissing: string;
    readonly confirm: string;
    readonly cancel: string;
    readonly busy: string;
    readonly done: Readonly<Record<string, string>>;
  };
  readonly customer: {
    readonly title: string;
    readonly hint: string;
    readonly languages: Readonly<Record<Locale, string>>;
    readonly copy: (language: string) => string;
    readonly copied: string;
    readonly selected: string;
  };
}

/** The views that the navigation may lead to. */
export type ViewName =
  | ("home" | "today" | "payments" | "attention" | "money" | "analytics")
  | ("statement" | "connections");

export const TEXTS: Readonly<Record<Locale, Texts>> = { fr, en };
