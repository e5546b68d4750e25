/** One use in each line of what the oldest browsers do not have; `src/oldBrowsers.test.ts` has them found. */
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

/** What only shares its name with such an interface. */
export const innocent = (event: { at: Date; name: string }) => [event.at, event.name, Date.now()];
