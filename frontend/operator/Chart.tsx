import "uplot/dist/uPlot.min.css";

import { type RefObject, useEffect, useId, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import uPlot from "uplot";

export interface ChartSeries {
  readonly name: string;
  /** The class that gives its colour. */
  readonly className: string;
  /** Drawn with gaps where it is not told apart by its colour alone. */
  readonly isDashed?: boolean;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** What the table's button says. */
  readonly inFigures: string;
  readonly firstColumn: string;
  readonly labels: readonly string[];
  readonly series: readonly ChartSeries[];
  readonly kind: "bars" | "lines";
  /** The largest value of the scale; that of the data where it is not set. */
  readonly most?: number;
  readonly write: (value: number) => string;
  /** As short as an axis needs it. */
  readonly writeShort: (value: number) => string;
}

const HEIGHT = 190;
const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/** A chart by days, with the same figures as a table. It is a picture: nothing of it moves or needs a pointer. */
export function Chart(props: ChartProps) {
  const { title, inFigures, firstColumn, labels, series, write } = props;
  const heading = useId();
  const legend = useRef<HTMLUListElement>(null);
  const place = useRef<HTMLDivElement>(null);
  useDrawing(place, legend, props);
  return (
    <figure className="chart" aria-labelledby={heading}>
      <figcaption>
        <h2 id={heading}>{title}</h2>
        <ul className="legend" ref={legend} hidden={series.length < 2}>
          {series.map(({ name, className, isDashed }) => (
            <li key={name} className={className}>
              <svg viewBox="0 0 28 8" aria-hidden="true">
                <path d="M1 4h26" strokeDasharray={isDashed ? "5 4" : undefined} />
              </svg>
              <span>{name}</span>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} aria-hidden="true" />
      <details>
        <summary>{inFigures}</summary>
        <table className="numbers">
          <thead>
            <tr>
              <th scope="col">{firstColumn}</th>
              {series.map(({ name }) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {labels.map((label, row) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {series.map(({ name, values }) => (
                  <td key={name}>{values[row] == null ? "–" : write(values[row])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

function useDrawing(
  place: RefObject<HTMLDivElement | null>,
  legend: RefObject<HTMLUListElement | null>,
  { labels, series, kind, most, writeShort }: ChartProps,
): void {
  const theme = useTheme();
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);

  const drawn = JSON.stringify([theme, width, kind, most, labels, series]);
  const latest = useRef({ labels, series, writeShort });
  latest.current = { labels, series, writeShort };
  useEffect(() => {
    const element = place.current;
    if (!element || width === 0 || !drawn) return;
    const now = latest.current;
    const colours = [...(legend.current?.children ?? [])].map((each) => getComputedStyle(each).color);
    const ink = getComputedStyle(element).color;
    const line = getComputedStyle(element).borderTopColor;
    const axis = { stroke: ink, font: "12px system-ui, sans-serif", ticks: { show: false } };
    const plot = new uPlot(
      {
        width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: [-0.6, now.labels.length - 0.4] },
          y: { range: (_, __, highest) => [0, most ?? (highest > 0 ? highest * 1.1 : 1)] },
        },
        axes: [
          {
            ...axis,
            size: 28,
            grid: { show: false },
            splits: () => daysNamed(now.labels.length, width),
            values: (_, splits) => splits.map((index) => now.labels[index] ?? ""),
          },
          {
            ...axis,
            size: 58,
            grid: { stroke: line, width: 1 },
            ...(kind === "bars" && { incrs: WHOLE_STEPS }),
            values: (_, splits) => splits.map(now.writeShort),
          },
        ],
        series: [
          {},
          ...now.series.map(({ isDashed }, index) => ({
            stroke: colours[index] ?? ink,
            width: 2,
            spanGaps: false,
            points: { show: kind === "lines", size: 6, fill: colours[index] ?? ink },
            ...(isDashed && { dash: [6, 5] }),
            ...(kind === "bars" && { fill: colours[index] ?? ink, ...barsOf() }),
          })),
        ],
      },
      [now.labels.map((_, index) => index), ...now.series.map(({ values }) => [...values])] as uPlot.AlignedData,
      element,
    );
    return () => plot.destroy();
  }, [drawn, width, kind, most, place, legend]);
}

function barsOf(): Partial<uPlot.Series> {
  const paths = uPlot.paths.bars?.({ size: [0.7, 48], radius: 0.15 });
  return paths ? { paths } : {};
}

/** Returns which days are named below the chart, the last one among them: as many as there is room for. */
function daysNamed(count: number, width: number): number[] {
  const step = Math.max(1, Math.ceil(count / Math.max(1, Math.floor((width - 58) / 56))));
  return Array.from({ length: count }, (_, index) => index).filter((index) => (count - 1 - index) % step === 0);
}

const dark = () => window.matchMedia("(prefers-color-scheme: dark)");

/** Returns another text for each theme that is shown: a drawing does not follow it by itself. */
function useTheme(): string {
  return useSyncExternalStore(
    (listener) => {
      const choice = new MutationObserver(listener);
      choice.observe(document.documentElement, { attributeFilter: ["data-theme"] });
      const device = dark();
      device.addEventListener("change", listener);
      return () => {
        choice.disconnect();
        device.removeEventListener("change", listener);
      };
    },
    () => `${document.documentElement.dataset["theme"] ?? ""} ${dark().matches}`,
  );
}
