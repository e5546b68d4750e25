import type { Progress } from "./paymentPicture";
import type { TrackerTexts } from "./paymentTexts";

type StepState = keyof TrackerTexts["stepStates"];

export function ProgressSteps({ progress, texts }: { readonly progress: Progress; readonly texts: TrackerTexts }) {
  return (
    <ol className="bp-steps" aria-label={texts.stepsLabel}>
      {texts.steps.map((label, index) => {
        const state = stateOfStep(index, progress);
        const isCurrent = state === "current";
        return (
          <li key={label} className={`bp-step bp-step-${state}`} aria-current={isCurrent ? "step" : undefined}>
            {index > 0 && <Braid />}
            <StepMark state={state} />
            <span>
              {label}
              <span className="bp-unseen">, {texts.stepStates[state]}</span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function stateOfStep(index: number, { done, next }: Progress): StepState {
  if (index < done) return "done";
  return index === done ? next : "toCome";
}

function Braid() {
  return (
    <svg className="bp-braid" viewBox="0 0 48 8" preserveAspectRatio="none" aria-hidden="true">
      <path d="M0 1c4 0 4 6 8 6s4-6 8-6 4 6 8 6 4-6 8-6 4 6 8 6 4-6 8-6" />
      <path d="M0 7c4 0 4-6 8-6s4 6 8 6 4-6 8-6 4 6 8 6 4-6 8-6 4 6 8 6" />
    </svg>
  );
}

const STEP_SHAPES: Readonly<Record<StepState, string>> = {
  done: "M6 10.5l3 3 5.5-6",
  current: "M10 10h.01",
  stopped: "M7 7l6 6M13 7l-6 6",
  overdue: "M10 6v5M10 14h.01",
  toCome: "",
};

function StepMark({ state }: { readonly state: StepState }) {
  return (
    <svg className="bp-step-mark" viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="10" cy="10" r="9" />
      <path d={STEP_SHAPES[state]} />
    </svg>
  );
}
