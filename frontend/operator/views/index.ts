/** Lists the page's views. A view is a line here and a file beside; the navigation shows those with a label. */

import { type ComponentType, lazy } from "react";
import { AttentionStrip } from "../AttentionStrip";
import { FailingStrip } from "../FailingStrip";
import type { Route } from "../router";
import type { ViewName } from "../texts";
import { Attention } from "./Attention";
import { Home } from "./Home";
import { Payment } from "./Payment";
import { Payments } from "./Payments";

export interface View {
  /** The first word of its address: `#/payments`. */
  readonly path: string;
  /** Its name in the navigation; none where it is not there. */
  readonly label?: ViewName;
  /** The view. One that few people open, or that is large, is loaded when it is (`lazy`). */
  readonly Component: ComponentType<{ readonly route: Route }>;
}

export const VIEWS: readonly View[] = [
  { path: "", label: "home", Component: Home },
  { path: "attention", label: "attention", Component: Attention },
  { path: "today", label: "today", Component: lazy(async () => ({ default: (await import("./Today")).Today })) },
  { path: "payments", label: "payments", Component: Payments },
  { path: "payment", Component: Payment },
  { path: "money", label: "money", Component: lazy(async () => ({ default: (await import("./Money")).Money })) },
  {
    path: "analytics",
    label: "analytics",
    Component: lazy(async () => ({ default: (await import("./Analytics")).Analytics })),
  },
  {
    path: "statement",
    label: "statement",
    Component: lazy(async () => ({ default: (await import("./Statement")).Statement })),
  },
  {
    path: "connections",
    label: "connections",
    Component: lazy(async () => ({ default: (await import("./Connections")).Connections })),
  },
];

/** What stands above every view, where there is something to say: such as what somebody must act on. */
export const STRIPS: readonly { readonly name: string; readonly Component: ComponentType }[] = [
  { name: "attention", Component: AttentionStrip },
  { name: "failing", Component: FailingStrip },
];
