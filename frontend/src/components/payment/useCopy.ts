import { type RefObject, useEffect, useState } from "react";

const COPIED_SHOWN_MS = 2_500;

/** Copies a text, which stands in `element`; `isCopied` is true for a moment after it has been. */
export function useCopy(text: string, element: RefObject<HTMLElement | null>) {
  const [copies, setCopies] = useState(0);
  useEffect(() => {
    if (copies === 0) return undefined;
    const timer = setTimeout(() => setCopies(0), COPIED_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copies]);

  const copy = async () => {
    if (await copyText(text, element.current)) setCopies((count) => count + 1);
  };
  return { isCopied: copies > 0, copy };
}

/**
 * Copies a text. A page without HTTPS may not, and a browser may forbid it: there it copies what is selected, the element's
 * text, which stays selected, so that it can be copied by hand. Returns whether it was copied.
 */
async function copyText(text: string, element: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (element) getSelection()?.selectAllChildren(element);
  }
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  }
}
