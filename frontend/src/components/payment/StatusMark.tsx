import type { PictureName } from "./paymentPicture";

const SHAPES = {
  dots: "M25 36h.01M36 36h.01M47 36h.01",
  send: "M36 48V25M27 34l9-9 9 9",
  phone: "M30 21h12q3 0 3 3v24q0 3-3 3H30q-3 0-3-3V24q0-3 3-3zM34 45h4M31 33h.01m5 0h.01m5 0h.01",
  check: "M24 37l8.5 8.5L49 28",
  cross: "M28 28l16 16M44 28L28 44",
  clock: "M36 22a14 14 0 1 1 0 28a14 14 0 0 1 0-28zM36 29v8l5 3",
  search: "M33 23a10 10 0 1 1 0 20a10 10 0 0 1 0-20zM40.5 40.5L48 48",
  warning: "M36 24v15M36 47h.01",
  noNetwork: "M23 33q13-11 26 0M28.5 39.5q7.5-6 15 0M36 46h.01M25 49L47 25",
  lock: "M28 35h16v13H28zM31 35v-4a5 5 0 0 1 10 0v4",
} as const;

type Mark = readonly [shape: keyof typeof SHAPES, tone: "accent" | "positive" | "negative" | "caution", isBusy?: true];

const MARKS: Readonly<Record<PictureName, Mark>> = {
  loading: ["dots", "accent", true],
  sending: ["send", "accent", true],
  unsent: ["noNetwork", "caution", true],
  unknown: ["dots", "accent", true],
  checkPhone: ["phone", "accent", true],
  orderPaidElsewhere: ["warning", "caution"],
  approved: ["check", "positive"],
  lateSuccess: ["check", "positive"],
  duplicate: ["warning", "caution"],
  failed: ["cross", "negative"],
  expired: ["clock", "caution"],
  givenUp: ["cross", "caution"],
  underReview: ["search", "caution"],
  orderAlreadyPaid: ["check", "positive"],
  inProgressElsewhere: ["clock", "caution"],
  refused: ["lock", "caution"],
};

/** Draws the status mark. Its key restarts the animation when the picture changes. */
export function StatusMark({ picture }: { readonly picture: PictureName }) {
  const [shape, tone, isBusy = false] = MARKS[picture];
  return (
    <svg key={picture} className={`bp-mark bp-${tone}`} viewBox="0 0 72 72" aria-hidden="true" data-shape={shape}>
      <circle className="bp-mark-ground" cx="36" cy="36" r="28" />
      <circle className="bp-mark-ring" cx="36" cy="36" r="33.5" />
      {isBusy && <circle className="bp-mark-orbit" cx="36" cy="36" r="33.5" pathLength="100" />}
      <path className="bp-mark-shape" d={SHAPES[shape]} pathLength="1" />
    </svg>
  );
}
