import { acceptCompletion } from "@codemirror/autocomplete";
import { deleteMarkupBackward, insertNewlineContinueMarkupCommand } from "@codemirror/lang-markdown";
import { EditorSelection } from "@codemirror/state";

import { toast } from "../js/dom.js";
import { piecesOf, wrap } from "./emphasis.js";
import { nest, unnest } from "./nesting.js";
import { isInCell, linkAround } from "./places.js";

const SAYS = /[^\s>]/;

const goOn = insertNewlineContinueMarkupCommand({ nonTightLists: false });

/** Enter goes on with the list or the quote; on an empty item it ends them. */
function newLine({ state, dispatch }) {
  return goOn({ state, dispatch: (transaction) => dispatch(hasEnded(transaction) ? setApart(transaction) : transaction) });
}

const lineOf = ({ newDoc, newSelection }) => newDoc.lineAt(newSelection.main.head);

const hasEnded = (transaction) => transaction.newDoc.lines === transaction.startState.doc.lines && !SAYS.test(lineOf(transaction).text);

/** Blank lines keep what is written next from being a part of the last item, and what follows from being a part of that. */
function setApart(transaction) {
  const { startState, changes, newDoc } = transaction;
  const { from, to, text, number } = lineOf(transaction);
  const [before, after] = [number - 1, number + 1].map((each) => each > 0 && each <= newDoc.lines && SAYS.test(newDoc.line(each).text));
  const [above, below] = [before ? `${text}\n` : "", after ? `\n${text}` : ""];
  const blank = [{ from, insert: above }, { from: to, insert: below }];
  const selection = { anchor: to + above.length };
  return startState.update({ changes }, { changes: blank, selection, sequential: true, userEvent: "input", scrollIntoView: true });
}

/** Enter in the last cell of a table leaves it: right under it, what is written would be a row. Behind its bar, it may be. */
function leaveTable({ state, dispatch }) {
  const { head } = state.selection.main;
  const line = state.doc.lineAt(head);
  const isLast = ROW.test(line.text) && isInCell(state, head) && !neighbour(state.doc, line, 1);
  if (state.readOnly || !isLast || head < cellsOf(line).at(-1).from) return false;
  const selection = { anchor: line.to + 2 };
  dispatch(state.update({ changes: { from: line.to, insert: "\n\n" }, selection, userEvent: "input", scrollIntoView: true }));
  return true;
}

/** `[selection](address)`, with the address selected; of what is a link already, its own address. */
function link({ state, dispatch }) {
  if (state.readOnly) return false;
  const { main } = state.selection;
  const present = linkAround(state, main.from, main.to);
  const address = present?.name === "URL" ? present : present?.getChild("URL");
  if (address) return select(address, state, dispatch);
  const pieces = main.empty ? [main] : piecesOf(state, main);
  if (pieces.length > 1) toast("A link is about words of one paragraph.", "info");
  else if (pieces.length && !present) addLink(pieces[0], state, dispatch);
  return true;
}

function addLink({ from, to }, state, dispatch) {
  const text = state.sliceDoc(from, to);
  const at = from + text.length + 3;
  const selection = text ? EditorSelection.range(at, at + 8) : EditorSelection.cursor(from + 1);
  const changes = { from, to, insert: `[${text}](https://)` };
  dispatch(state.update({ changes, selection, userEvent: "input", scrollIntoView: true }));
}

const ROW = /^\s*\|.*\|\s*$/;
const DIVIDER = /^\s*\|(\s*:?-+:?\s*\|)+\s*$/;

/** In a table: on to the next cell (or back), and after the last one into a new row. Elsewhere Tab leaves the editor. */
function cell(step) {
  return ({ state, dispatch }) => {
    const { head } = state.selection.main;
    const line = state.doc.lineAt(head);
    if (state.readOnly || !ROW.test(line.text)) return false;
    const cells = cellsOf(line);
    const current = Math.max(0, cells.findLastIndex(({ from }) => head >= from - 1));
    const next = cells[current + step];
    if (next) return select(next, state, dispatch);
    const other = neighbour(state.doc, line, step);
    if (other) return select(cellsOf(other).at(step > 0 ? 0 : -1), state, dispatch);
    return step > 0 && addRow(line, cells.length, state, dispatch);
  };
}

function cellsOf(line) {
  const cells = [];
  const bars = [...line.text.matchAll(/(?<!\\)\|/g)].map(({ index }) => index);
  for (let at = 0; at + 1 < bars.length; at += 1) {
    const inner = line.text.slice(bars[at] + 1, bars[at + 1]);
    const from = line.from + bars[at] + 1 + (inner.trim() ? inner.length - inner.trimStart().length : Math.min(1, inner.length));
    cells.push({ from, to: from + inner.trim().length });
  }
  return cells;
}

function neighbour(doc, line, step) {
  const number = line.number + step;
  if (number < 1 || number > doc.lines) return null;
  const other = doc.line(number);
  if (DIVIDER.test(other.text)) return neighbour(doc, other, step);
  return ROW.test(other.text) ? other : null;
}

function select({ from, to }, state, dispatch) {
  dispatch(state.update({ selection: EditorSelection.range(from, to), scrollIntoView: true }));
  return true;
}

function addRow(line, count, state, dispatch) {
  const insert = `\n|${"  |".repeat(count)}`;
  dispatch(state.update({ changes: { from: line.to, insert }, selection: { anchor: line.to + 3 }, userEvent: "input", scrollIntoView: true }));
  return true;
}

export const markdownKeys = [
  { key: "Enter", run: leaveTable },
  { key: "Enter", run: newLine },
  { key: "Backspace", run: deleteMarkupBackward },
  { key: "Mod-b", run: wrap("**"), preventDefault: true },
  { key: "Mod-i", run: wrap("*"), preventDefault: true },
  { key: "Mod-e", run: wrap("`"), preventDefault: true },
  { key: "Mod-k", run: link, preventDefault: true, stopPropagation: true },
  { key: "Tab", run: acceptCompletion },
  { key: "Tab", run: cell(1), shift: cell(-1) },
  { key: "Tab", run: nest, shift: unnest },
];
