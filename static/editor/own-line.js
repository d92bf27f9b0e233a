/** Signs at the beginning of a line that a block put there takes the place of. */
const MARKER = /^(?:(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?|#{1,6}\s+)$/;
const ITEM = /^(?:[-*+]|\d+[.)])\s/;
const TABLE = /^\|/;
const SAYS = /[^\s>]/;

/**
 * The change that puts a block in place of `from` to `to`, with the caret after `caret` of its characters: what stands
 * before it on the line stays above it, what stands after it goes below. Inside a quote the block is quoted too.
 */
export function onOwnLine(state, from, to, words, caret) {
  return placed(state, from, to, words, caret, ({ gap, after }) => (gap || words.includes("\n") ? `\n\n${after}` : after));
}

/** The same for a block that is whole: what stands after it on the line is no part of it. */
export function wholeOnOwnLine(state, from, to, words) {
  return placed(state, from, to, words, words.length, ({ after }) => `\n\n${after}`);
}

function placed(state, from, to, words, caret, rest) {
  const [line, last] = [from, to].map((at) => state.doc.lineAt(at));
  const before = state.sliceDoc(line.from, from);
  const [quote] = /^[\s>]*/.exec(before);
  const gap = gapAbove(state, line, before.slice(quote.length), words);
  const start = line.from + (gap.isFirst ? quote : before.trimEnd()).length;
  const after = state.sliceDoc(to, last.to).trim();
  const quoted = (part) => part.replaceAll("\n", `\n${quote}`);
  const head = quoted(gap.lines + words.slice(0, caret));
  const below = after ? rest({ gap: gap.lines, after }) : gapBelow(state, last, gap.lines, words);
  const tail = quoted(words.slice(caret) + below);
  return { changes: { from: start, to: last.to, insert: head + tail }, selection: { anchor: start + head.length } };
}

function gapAbove({ doc }, { number }, text, words) {
  if (text && !MARKER.test(text)) return { isFirst: false, lines: ITEM.test(text) && ITEM.test(words) ? "\n" : "\n\n" };
  const wouldGoOn = text && TABLE.test(words) && number > 1 && SAYS.test(doc.line(number - 1).text);
  return { isFirst: true, lines: wouldGoOn ? "\n" : "" };
}

/** The gap to the next line that keeps it out of the block. */
function gapBelow({ doc }, { number }, gap, words) {
  const isFollowed = number < doc.lines && SAYS.test(doc.line(number + 1).text);
  return isFollowed && (gap === "\n\n" || TABLE.test(words)) ? "\n" : "";
}
