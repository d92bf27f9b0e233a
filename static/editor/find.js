import { closeSearchPanel, getSearchQuery, openSearchPanel, replaceAll, search, searchKeymap, setSearchQuery } from "@codemirror/search";
import { EditorView, ViewPlugin, keymap } from "@codemirror/view";

import { toast } from "../js/dom.js";

const NOTHING = "Nothing found.";

/** The first match in `view` behind position `from`; null when there is none. */
function nextIn(view, query, from) {
  const { value, done } = query.getCursor(view.state, from).next();
  return done ? null : value;
}

/** The last match in `view` that ends before `to`. */
function previousIn(view, query, to) {
  let last = null;
  const cursor = query.getCursor(view.state, 0, to);
  for (let step = cursor.next(); !step.done; step = cursor.next()) last = step.value;
  return last;
}

function countIn(view, query) {
  let count = 0;
  const cursor = query.getCursor(view.state);
  while (!cursor.next().done) count += 1;
  return count;
}

const matchIn = (view, query, isForward, position) =>
  isForward ? nextIn(view, query, position ?? 0) : previousIn(view, query, position ?? view.state.doc.length);

/** Select a match; the panel, and the focus if it was there, go where the match is. */
function show(from, view, query, { from: anchor, to: head }) {
  const isInPanel = from.dom.querySelector(".cm-search")?.contains(document.activeElement);
  if (view !== from) {
    closeSearchPanel(from);
    openSearchPanel(view);
    view.dispatch({ effects: setSearchQuery.of(query) });
  }
  view.dispatch({ selection: { anchor, head }, effects: EditorView.scrollIntoView(anchor, { y: "center" }), userEvent: "select.search" });
  if (isInPanel) view.dom.querySelector(".cm-search [main-field]")?.focus();
  else view.focus();
  return true;
}

/**
 * Find through the whole document: where the matches of one section end, those of the next begin, and after the last
 * section comes the first. `views` gives the editors of all sections, in order.
 */
export function finding(views) {
  const go = (isForward) => (view) => {
    const query = getSearchQuery(view.state);
    if (!query.valid) return openSearchPanel(view);
    const { from, to } = view.state.selection.main;
    const here = matchIn(view, query, isForward, isForward ? to : from);
    if (here) return show(view, view, query, here);
    const all = isForward ? views() : views().reverse();
    const at = all.indexOf(view);
    for (const other of [...all.slice(at + 1), ...all.slice(0, at + 1)]) {
      const match = matchIn(other, query, isForward);
      if (match) return show(view, other, query, match);
    }
    toast(NOTHING);
    return true;
  };

  /** What is found in all sections; each undoes its own. */
  const replace = (view) => {
    const query = getSearchQuery(view.state);
    const found = views().filter(({ state }) => query.valid && !state.readOnly).map((each) => [each, countIn(each, query)]);
    const counts = found.filter(([, count]) => count);
    for (const [each] of counts) {
      each.dispatch({ effects: setSearchQuery.of(query) });
      replaceAll(each);
    }
    const sum = counts.reduce((total, [, count]) => total + count, 0);
    toast(sum ? `${sum} replaced in ${counts.length === 1 ? "one section" : `${counts.length} sections`}.` : NOTHING);
  };
  const [next, previous] = [go(true), go(false)];

  // The panel's own Enter and buttons know one editor only.
  const panel = ViewPlugin.define((view) => {
    const stop = new AbortController();
    const take = (event, command) => {
      event.preventDefault();
      event.stopPropagation();
      command(view);
    };
    const options = { capture: true, signal: stop.signal };
    view.dom.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.closest(".cm-search [main-field]")) take(event, event.shiftKey ? previous : next);
    }, options);
    view.dom.addEventListener("click", (event) => {
      const button = event.target.closest(".cm-search button");
      const command = { next, prev: previous, replaceAll: replace }[button?.name];
      if (command) take(event, command);
    }, options);
    return { destroy: () => stop.abort() };
  });

  return [
    search({ top: true }),
    panel,
    keymap.of([
      { key: "F3", run: next, shift: previous, scope: "editor search-panel", preventDefault: true },
      { key: "Mod-g", run: next, shift: previous, scope: "editor search-panel", preventDefault: true },
      ...searchKeymap,
    ]),
  ];
}
