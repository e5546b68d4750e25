import { useId } from "react";

import { type Preferences, THEMES } from "./preferences";
import { useStore } from "./store";
import { TEXTS } from "./texts";

const LANGUAGES = [
  ["fr", "Français"],
  ["en", "English"],
] as const;

/** Lets a person choose the language and the theme. */
export function PreferenceChoice({ preferences }: { readonly preferences: Preferences }) {
  const { locale, theme } = useStore(preferences);
  const words = TEXTS[locale].menu;
  return (
    <div className="preferences">
      <Choice
        label={words.language}
        options={LANGUAGES}
        chosen={locale}
        onChoose={(chosen) => preferences.choose({ locale: chosen })}
      />
      <Choice
        label={words.theme}
        options={THEMES.map((name) => [name, words.themes[name]] as const)}
        chosen={theme}
        onChoose={(chosen) => preferences.choose({ theme: chosen })}
      />
    </div>
  );
}

interface ChoiceProps<Name extends string> {
  readonly label: string;
  readonly options: readonly (readonly [name: Name, label: string])[];
  readonly chosen: Name;
  readonly onChoose: (name: Name) => void;
}

/** One of a few, as buttons side by side that work as radio buttons. */
export function Choice<Name extends string>({ label, options, chosen, onChoose }: ChoiceProps<Name>) {
  const group = useId();
  return (
    <fieldset className="choice">
      <legend>{label}</legend>
      {options.map(([name, text]) => (
        <label key={name}>
          <input type="radio" name={group} checked={name === chosen} onChange={() => onChoose(name)} />
          <span lang={name === "fr" || name === "en" ? name : undefined}>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
