/** Uses, one per line, interfaces that the oldest browsers lack; `src/oldBrowsers.test.ts` must find them. */
export const planted = (list: string[], element: Element, signal: AbortSignal) => [
  structuredClone(list),
  AbortSignal.timeout(1),
  crypto.randomUUID(),
  signal.throwIfAborted(),
  element.replaceChildren(),
  list.at(-1),
  Object.hasOwn(list, "length"),
  new Intl.ListFormat("fr"),
];

/** A member that only shares its name with such an interface. */
export const innocent = (event: { at: Date; name: string }) => [event.at, event.name, Date.now()];
