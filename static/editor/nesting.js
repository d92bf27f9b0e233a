import { isInCode, treeTo } from "./places.js";

const QUOTE = /^(?:[ \t]*>[ \t]?)*/;
const MARKER = /^(?:[-*+]|(\d+)([.)]))/;
const SPACES = /^ {1,4}(?! )|^ /;

/** Tab in a list: the item, and all that is in it, goes into the one above. Where there is none, nothing happens. */
export function nest({ state, dispatch }) {
  const items = itemsOf(state);
  if (!items) return false;
  const [first] = items;
  const above = siblingBefore(first);
  if (above) shift({ state, dispatch }, items, contentOf(state, above) - columnOf(state, first), nestedMarker(state, above, first));
  return true;
}

/** Shift+Tab in a list: the item goes next to the one that it is in. Out of the outermost list, it leaves the editor. */
export function unnest({ state, dispatch }) {
  const items = itemsOf(state);
  const outer = items && itemAround(items[0].parent);
  if (!outer) return false;
  shift({ state, dispatch }, items, columnOf(state, outer) - columnOf(state, items[0]), markerAfter(state, outer));
  return true;
}

function itemAround(node) {
  let item = node;
  while (item && item.name !== "ListItem") item = item.parent;
  return item;
}

/** The marks of a quote stand between its items. */
function siblingBefore(item) {
  let before = item.prevSibling;
  while (before && before.name !== "ListItem") before = before.prevSibling;
  return before;
}

/** The first and the last item of one list that are selected; null outside of lists, and in code. */
function itemsOf(state) {
  const { from, to } = state.selection.main;
  if (state.readOnly || isInCode(state, from)) return null;
  const first = itemAt(state, from);
  if (!first) return null;
  let last = itemAt(state, to);
  while (last && last.parent.from !== first.parent.from) last = itemAround(last.parent);
  return [first, last ?? first];
}

function itemAt(state, at) {
  const line = state.doc.lineAt(at);
  const [indent] = /^[\s>]*/.exec(line.text);
  return itemAround(treeTo(state, line.to).resolveInner(line.from + indent.length, 1));
}

// -- Columns and markers ----------------------------------------------------------------------------------------------

const columnOf = ({ doc }, { from }) => from - doc.lineAt(from).from;

function contentOf(state, item) {
  const text = state.sliceDoc(item.from, state.doc.lineAt(item.from).to);
  const [marker] = MARKER.exec(text);
  return columnOf(state, item) + marker.length + (SPACES.exec(text.slice(marker.length))?.[0].length ?? 1);
}

const markerOf = (state, { from }) => MARKER.exec(state.sliceDoc(from, state.doc.lineAt(from).to));

function markerAfter(state, item) {
  const [marker, number, sign] = markerOf(state, item);
  return number ? `${Number(number) + 1}${sign}` : marker;
}

/** A number begins anew in a list of its own. */
function nestedMarker(state, above, item) {
  const [marker, number, sign] = markerOf(state, item);
  if (!number) return marker;
  const before = above.getChildren("OrderedList").at(-1)?.getChildren("ListItem").at(-1);
  return before ? markerAfter(state, before) : `1${sign}`;
}

function shift({ state, dispatch }, [first, last], by, marker) {
  const changes = [{ from: first.from, to: first.from + markerOf(state, first)[0].length, insert: marker }];
  const end = state.doc.lineAt(last.to).number;
  for (let { number } = state.doc.lineAt(first.from); number <= end; number += 1) {
    const { from, text } = state.doc.line(number);
    const [quote] = QUOTE.exec(text);
    const [indent] = /^ */.exec(text.slice(quote.length));
    const at = from + quote.length;
    if (by > 0 && text.trim()) changes.push({ from: at, insert: " ".repeat(by) });
    if (by < 0) changes.push({ from: at, to: at + Math.min(-by, indent.length) });
  }
  dispatch(state.update({ changes, userEvent: "input.indent", scrollIntoView: true }));
}
