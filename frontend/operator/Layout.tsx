import { Suspense, useEffect, useMemo, useRef } from "react";

import type { Api } from "./api";
import { Menu } from "./Menu";
import { usePage } from "./page";
import type { Preferences } from "./preferences";
import { hrefOf, parseRoute, useHash } from "./router";
import { STRIPS, VIEWS, type View } from "./views";

interface LayoutProps {
  readonly api: Api;
  readonly preferences: Preferences;
}

/** Frames the view that the address names: navigation, the strips for what somebody must act on, the view. */
export function Layout({ api, preferences }: LayoutProps) {
  const { texts } = usePage();
  const hash = useHash();
  const route = useMemo(() => parseRoute(hash), [hash]);
  const view = VIEWS.find(({ path }) => path === route.view);
  const main = useRef<HTMLElement>(null);
  useFocusOnNewView(`${route.view}/${route.subject}`, main);

  return (
    <>
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        {texts.skip}
      </button>
      <header className="top">
        <a className="brand" href={hrefOf("")}>
          BraidSter
        </a>
        <Navigation view={view} />
        <Menu {...{ api, preferences }} />
      </header>
      <main ref={main} tabIndex={-1}>
        {STRIPS.map(({ name, Component }) => (
          <Component key={name} />
        ))}
        <Suspense fallback={<p className="muted">{texts.loading}</p>}>
          {view ? <view.Component route={route} /> : <UnknownView />}
        </Suspense>
      </main>
      <footer className="bottom muted small">{texts.times}</footer>
    </>
  );
}

function Navigation({ view }: { readonly view: View | undefined }) {
  const { texts } = usePage();
  return (
    <nav aria-label={texts.navigationLabel}>
      {VIEWS.map(
        ({ path, label }) =>
          label && (
            <a key={path} href={hrefOf(path)} aria-current={path === view?.path ? "page" : undefined}>
              {texts.navigation[label]}
            </a>
          ),
      )}
    </nav>
  );
}

function UnknownView() {
  const { title, sentence } = usePage().texts.unknownView;
  return (
    <section className="card">
      <h1>{title}</h1>
      <p className="muted">{sentence}</p>
    </section>
  );
}

/** Moves the focus to a view that was navigated to, and up: a screen reader begins to read there. */
function useFocusOnNewView(place: string, main: React.RefObject<HTMLElement | null>): void {
  const shown = useRef(place);
  useEffect(() => {
    if (shown.current === place) return;
    shown.current = place;
    window.scrollTo(0, 0);
    if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [place, main]);
}
