/** The figures of the analytics, in the order in which they are shown. */
export const FIGURES = [
  ...(["started", "prompted", "paid", "declined", "refused", "expired", "givenUp", "conflicted"] as const),
  ...(["waiting", "late", "duplicate", "webhooksMissing"] as const),
  ...(["successRate", "p50", "p95", "further", "furtherPaid", "retried"] as const),
] as const;
export type FigureName = (typeof FIGURES)[number];
