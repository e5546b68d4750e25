/**
 * Stands in for React where the element is built: Preact, with the two functions of React's that it has only in its larger
 * compatibility layer. Components therefore name events and attributes as the DOM does (`onInput`).
 */

import { type ComponentChild, render } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

export * from "preact/hooks";

export function createRoot(parent: Element) {
  return { render: (content: ComponentChild) => render(content, parent), unmount: () => render(null, parent) };
}

/** Renders with the store's value, and anew whenever that has changed, also between rendering and subscribing. */
export function useSyncExternalStore<T>(subscribe: (listener: () => void) => () => void, getValue: () => T): T {
  const value = getValue();
  const [{ rendered }, renderAnew] = useState({ rendered: { value, getValue } });
  const check = () => {
    if (!Object.is(rendered.value, rendered.getValue())) renderAnew({ rendered });
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `check` reads what is rendered, which is always the same object
  useLayoutEffect(() => {
    rendered.value = value;
    rendered.getValue = getValue;
    check();
  }, [subscribe, value, getValue]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    check();
    return subscribe(check);
  }, [subscribe]);
  return value;
}
