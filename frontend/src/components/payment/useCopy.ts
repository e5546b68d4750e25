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

/** Copies a text, or the text of an element where a page without HTTPS may not. Returns whether it was copied. */
async function copyText(text: string, element: HTMLElement | null): Promise<boolean> {
  return (await writeToClipboard(text)) || copySelected(element);
}

/** Copies a text; returns false where the page is not served over HTTPS or the browser forbids it. */
async function writeToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Copies by a selection. Where this fails too, the text stays selected, so that it can be copied by hand. */
function copySelected(element: HTMLElement | null): boolean {
  if (element) getSelection()?.selectAllChildren(element);
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  }
}
