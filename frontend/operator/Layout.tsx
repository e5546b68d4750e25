import { type RefObject, Suspense, useEffect, useMemo, useRef, useState } from "react";

import type { Api } from "./api";
import { ViewBoundary } from "./BrokenView";
import { createLookups, LookupsOfPage } from "./lookups";
import { Menu } from "./Menu";
import { usePage } from "./page";
import type { Preferences } from "./preferences";
import { hrefOf, LeftRoute, parseRoute, type Route, useHash } from "./router";
import { SessionEnd } from "./SessionEnd";
import type { Session } from "./session";
import { STRIPS, VIEWS, type View } from "./views";

interface LayoutProps {
  readonly api: Api;
  readonly session: Session;
  readonly preferences: Preferences;
  /** Whether a person sees it: it is kept while a session has ended. */
  readonly isShown: boolean;
}

/** Frames the view that the address names: navigation, the strips for what somebody must act on, the view. */
export function Layout({ api, session, preferences, isShown }: LayoutProps) {
  const { texts } = usePage();
  const hash = useHash();
  const route = useMemo(() => parseRoute(hash), [hash]);
  const view = VIEWS.find(({ path }) => path === route.view);
  const main = useRef<HTMLElement>(null);
  const [lookups] = useState(createLookups);
  const left = useLeftRoute(route);
  useFocusOnNewView(placeOf(route), main);
  useTitle(view, isShown);

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
      <SessionEnd session={session} />
      <main ref={main} tabIndex={-1}>
        {STRIPS.map(({ name, Component }) => (
          <ViewBoundary key={name}>
            <Component />
          </ViewBoundary>
        ))}
        <LeftRoute value={left}>
          <LookupsOfPage value={lookups}>
            <ViewBoundary key={placeOf(route)}>
              <Suspense fallback={<p className="muted">{texts.loading}</p>}>
                {view ? <view.Component route={route} /> : <UnknownView />}
              </Suspense>
            </ViewBoundary>
          </LookupsOfPage>
        </LeftRoute>
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

const placeOf = ({ view, subject }: Route) => `${view}/${subject}`;

/** Returns where the person was before; null at first. */
function useLeftRoute(route: Route): Route | null {
  const [places, setPlaces] = useState<{ readonly now: Route; readonly before: Route | null }>({
    now: route,
    before: null,
  });
  if (placeOf(places.now) === placeOf(route)) return places.before;
  setPlaces({ now: route, before: places.now });
  return places.now;
}

/** Moves the focus to a view that was navigated to, and up: a screen reader begins to read there. */
function useFocusOnNewView(place: string, main: RefObject<HTMLElement | null>): void {
  const shown = useRef(place);
  useEffect(() => {
    if (shown.current === place) return;
    shown.current = place;
    if (main.current?.contains(document.activeElement)) return; // the view has given it to a part of itself
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [place, main]);
}

/** Names the browser's window after the view, without a payment's order: the browser's history keeps the name. */
function useTitle(view: View | undefined, isShown: boolean): void {
  const { texts } = usePage();
  const name = view?.label ? texts.navigation[view.label] : view ? texts.payment.name : texts.unknownView.title;
  useEffect(() => {
    if (isShown) document.title = `${name} · BraidSter`;
  }, [name, isShown]);
}
