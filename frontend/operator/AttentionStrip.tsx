import { countWords, useAttention } from "./attention";
import { useNow } from "./PaymentTable";
import { usePage } from "./page";
import { hrefOf, parseRoute, useHash } from "./router";
import { ToneShape } from "./StateMark";

/** Says above every view that somebody must act, and since when; nothing where nobody must. */
export function AttentionStrip() {
  const { texts, format } = usePage();
  const words = texts.attention;
  const { answer } = useAttention();
  const now = useNow();
  const isOpen = parseRoute(useHash()).view === "attention";
  const [oldest] = [answer?.items[0]?.since, answer?.days[0]?.since].filter((since) => since !== undefined).sort();
  const counts = Object.values(answer?.counts ?? {});
  const count = countWords(counts, format.number);
  return (
    <>
      {/* Apart from how long they have waited, which would be announced again every ten seconds. */}
      <p role="status" className="bp-unseen">
        {oldest && `${words.title}: ${count}`}
      </p>
      {oldest && !isOpen && (
        <a href={hrefOf("attention")} className="notice strip" data-tone="caution">
          <ToneShape tone="caution" />
          <span>
            {words.strip(
              count,
              counts.reduce((sum, each) => sum + each, 0),
              format.age(now - Date.parse(oldest)),
            )}
          </span>
          <b>{words.open}</b>
        </a>
      )}
    </>
  );
}
