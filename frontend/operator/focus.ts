/** Moves the keyboard's focus to what a person should read next. */

/** Focuses an element of the view, unless the focus is on something of the view already: it is the person's. */
export function focusIfFree(element: HTMLElement | null | undefined): void {
  const view = element?.closest("main");
  const active = document.activeElement;
  if (view && (active === view || !view.contains(active))) element?.focus();
}
