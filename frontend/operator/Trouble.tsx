import { useLayoutEffect, useRef, useState } from "react";

import { ApiError } from "./api";
import { usePage } from "./page";
import type { Texts } from "./texts";

/** Says in a plain sentence what became of a call. `mayHaveActed`: a lost answer may hide that it did something. */
export function problemWords(error: unknown, texts: Texts, mayHaveActed = false): string {
  const problem = error instanceof ApiError ? error.problem : null;
  if (problem) return texts.problems[problem.code] ?? problem.detail;
  return mayHaveActed ? texts.noAnswerToAct : texts.noAnswer;
}

interface TroubleProps {
  readonly error: unknown;
  readonly onRetry: () => void;
}

/** Shows why something could not be read, and offers to try again. Nothing where there is no error. */
export function Trouble({ error, onRetry }: TroubleProps) {
  return error === null ? null : <Notice {...{ error, onRetry }} />;
}

function Notice({ error, onRetry }: TroubleProps) {
  const { texts } = usePage();
  const notice = useRef<HTMLDivElement>(null);
  const [{ last, count }, setCounted] = useState({ last: error, count: 0 });
  if (last !== error) setCounted({ last: error, count: count + 1 });
  useLayoutEffect(() => {
    const shown = notice.current;
    return () => {
      // Tried again with success: the button that has the focus goes away.
      if (shown?.contains(document.activeElement)) shown.closest("main")?.focus();
    };
  }, []);
  return (
    <div className="notice" data-tone="negative" role="alert" ref={notice}>
      {/* A new paragraph for each error, so that screen readers say that it has failed again. */}
      <p key={count}>{problemWords(error, texts)}</p>
      <button type="button" className="quiet" onClick={onRetry}>
        {texts.tryAgain}
      </button>
    </div>
  );
}
