import { EditorSelection } from "@codemirror/state";

import { CODE_SPAN, treeTo } from "./places.js";

const BLOCK = /^(?:Paragraph|(?:ATX|Setext)Heading\d|Task|TableCell)$/;
const SIGN = /^(?:HeaderMark|TaskMarker)$/;

/** Put `mark` around each selection, block by block, or take it away; step over it where it ends at the caret. */
export function wrap(mark) {
  return ({ state, dispatch }) => {
    if (state.readOnly) return false;
    const change = state.changeByRange((range) => (range.empty ? atCaret(state, range.head, mark) : inBlocks(state, range, mark)));
    dispatch(state.update(change, { userEvent: "input", scrollIntoView: true }));
    return true;
  };
}

/** Of three stars two are bold and one is italic. */
const holds = (count, mark) => (mark.length === 2 ? count >= 2 : count % 2 === 1);

function marksAround(state, from, to, mark) {
  const [sign] = mark;
  let [before, after] = [0, 0];
  while (state.sliceDoc(from - before - 1, from - before) === sign) before += 1;
  while (state.sliceDoc(to + after, to + after + 1) === sign) after += 1;
  return { before, after };
}

const added = ({ from, to }, mark) => [{ from, insert: mark }, { from: to, insert: mark }];
const removed = ({ from, to }, { length }) => [{ from: from - length, to: from }, { from: to, to: to + length }];

// -- At the caret -----------------------------------------------------------------------------------------------------

function atCaret(state, at, mark) {
  const { before, after } = marksAround(state, at, at, mark);
  if (before === after && holds(before, mark)) {
    return { changes: removed({ from: at, to: at }, mark), range: EditorSelection.cursor(at - mark.length) };
  }
  if (holds(after, mark) && isOpen(textBefore(state, at), mark)) return steppedOver(state, at, mark);
  return { changes: { from: at, insert: mark + mark }, range: EditorSelection.cursor(at + mark.length) };
}

/** Spaces typed before the closing mark go behind it: in front of them it would close nothing. */
function steppedOver(state, at, { length }) {
  const [spaces] = /[ \t]*$/.exec(state.sliceDoc(state.doc.lineAt(at).from, at));
  const range = EditorSelection.cursor(at + length);
  if (!spaces) return { range };
  return { changes: [{ from: at - spaces.length, to: at }, { from: at + length, insert: spaces }], range };
}

function textBefore(state, at) {
  let node = treeTo(state, at).resolveInner(at, -1);
  while (node && !BLOCK.test(node.name)) node = node.parent;
  return state.sliceDoc(node ? node.from : state.doc.lineAt(at).from, at);
}

/** Has `mark` begun in this text, and not ended? */
function isOpen(text, mark) {
  const code = mark === "`" ? "" : `|${CODE_SPAN}`;
  const plain = text.replaceAll(new RegExp(`\\\\.${code}`, "gs"), "x");
  const runs = plain.match(mark === "`" ? /`+/g : /(?<=\S)\*+|\*+(?=\S)/g) ?? [];
  return runs.filter((run) => holds(run.length, mark)).length % 2 === 1;
}

// -- Around a selection -----------------------------------------------------------------------------------------------

function inBlocks(state, range, mark) {
  const pieces = piecesOf(state, range).map((piece) => withoutMarks(state, piece, mark));
  if (!pieces.length) return { range };
  const isMarked = ({ from, to }) => {
    const { before, after } = marksAround(state, from, to, mark);
    return holds(Math.min(before, after), mark);
  };
  const missing = pieces.filter((piece) => !isMarked(piece));
  const changes = state.changes(missing.length ? missing.flatMap((piece) => added(piece, mark)) : pieces.flatMap((piece) => removed(piece, mark)));
  return { changes, range: EditorSelection.range(changes.mapPos(pieces[0].from, 1), changes.mapPos(pieces.at(-1).to, -1)) };
}

/** What is selected of the words of each block, without the signs that make it a heading or a task. */
export function piecesOf(state, { from, to }) {
  const pieces = [];
  treeTo(state, to).iterate({
    from,
    to,
    enter({ name, node }) {
      if (!BLOCK.test(name)) return true;
      const words = wordsOf(node);
      pieces.push({ from: Math.max(from, words.from), to: Math.min(to, words.to) });
      return false;
    },
  });
  const isOneLine = to <= state.doc.lineAt(from).to;
  return (pieces.length || !isOneLine ? pieces : [{ from, to }]).map((piece) => trimmed(state, piece)).filter(Boolean);
}

function wordsOf(node) {
  let { from, to } = node;
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (!SIGN.test(child.name)) continue;
    if (child.from === node.from) from = child.to;
    else to = child.from;
  }
  return { from, to };
}

function trimmed(state, { from, to }) {
  if (from >= to) return null;
  const text = state.sliceDoc(from, to);
  if (!text.trim()) return null;
  return { from: from + text.length - text.trimStart().length, to: to - (text.length - text.trimEnd().length) };
}

/** Marks that are selected along with the words, on one side or on both, stand around them all the same. */
function withoutMarks(state, piece, mark) {
  const { before, after } = marksAround(state, piece.from, piece.to, mark);
  const [from, to] = [piece.from - before, piece.to + after];
  const text = state.sliceDoc(from, to);
  for (let count = 3; count > 0; count -= 1) {
    const marks = mark[0].repeat(count);
    const inner = text.slice(count, -count);
    if (text.startsWith(marks) && text.endsWith(marks) && inner && !inner.includes(mark[0])) return { from: from + count, to: to - count };
  }
  return piece;
}
