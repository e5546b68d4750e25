import { Component, type ReactNode } from "react";

import { usePage } from "./page";

interface BoundaryProps {
  readonly children: ReactNode;
}

/** Shows that a view has failed, such as one whose part of the page did not come, in place of an empty page. */
export class ViewBoundary extends Component<BoundaryProps, { readonly isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  override render(): ReactNode {
    return this.state.isBroken ? <BrokenView /> : this.props.children;
  }
}

function BrokenView() {
  const { texts } = usePage();
  const { title, sentence } = texts.brokenView;
  return (
    <section className="card" role="alert">
      <h1>{title}</h1>
      <p className="muted">{sentence}</p>
      <p>
        <button type="button" className="quiet" onClick={() => window.location.reload()}>
          {texts.reload}
        </button>
      </p>
    </section>
  );
}
