/** Signs at the beginning of a line that a block put there takes the place of. */
const MARKER = /^(?:(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?|#{1,6}\s+)$/;
const ITEM = /^(?:[-*+]|\d+[.)])\s/;
const TABLE = /^\|/;

/**
 * The change that puts a block in place of `from` to `to`, with the caret after `caret` of its characters: what stands
 * before it on the line stays above it, what stands after it goes below. Inside a quote the block is quoted too.
 */
export function onOwnLine(state, from, to, words, caret) {
  const line = state.doc.lineAt(from);
  const before = state.sliceDoc(line.from, from);
  const [quote] = /^[\s>]*/.exec(before);
  const text = before.slice(quote.length);
  const isFirst = !text || MARKER.test(text);
  const gap = isFirst ? "" : ITEM.test(text) && ITEM.test(words) ? "\n" : "\n\n";
  const start = line.from + (isFirst ? quote : before.trimEnd()).length;
  const after = state.sliceDoc(to, line.to).trim();
  const quoted = (part) => part.replaceAll("\n", `\n${quote}`);
  const head = quoted(gap + words.slice(0, caret));
  const tail = quoted(words.slice(caret) + below(state, line, { gap, words, after }));
  return { changes: { from: start, to: line.to, insert: head + tail }, selection: { anchor: start + head.length } };
}

/** What follows a block: the rest of its line, or the gap to the next one that keeps it out of the block. */
function below({ doc }, line, { gap, words, after }) {
  if (after) return gap || words.includes("\n") ? `\n\n${after}` : after;
  const isFollowed = line.number < doc.lines && /[^\s>]/.test(doc.line(line.number + 1).text);
  return isFollowed && (gap === "\n\n" || TABLE.test(words)) ? "\n" : "";
}
