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
  const { texts } = usePage();
  if (error === null) return null;
  return (
    <div className="notice" data-tone="negative" role="alert">
      <p>{problemWords(error, texts)}</p>
      <button type="button" className="quiet" onClick={onRetry}>
        {texts.tryAgain}
      </button>
    </div>
  );
}
