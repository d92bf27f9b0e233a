import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, showTooltip } from "@codemirror/view";
import * as Y from "yjs";

import { make } from "../js/dom.js";
import { indexIn } from "./remote-cursors.js";

const AROUND = 32;
const FEWEST_ALIKE = 12;
const READ_AFTER_MS = 2500;
/** As in editor.css: the panel lies over the page there, and is in the way until it is wanted. */
const OVER_THE_PAGE = "(width < 50rem)";
const placed = StateEffect.define();
const focused = StateEffect.define();

/** Which words have threads on them, in one editor. */
const highlights = StateField.define({
  create: () => Decoration.none,
  update(value, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(placed)) continue;
      const marks = effect.value.map(({ id, from, to, isSuggestion }) =>
        Decoration.mark({ class: isSuggestion ? "commented suggested" : "commented", attributes: { "data-thread": id } }).range(from, to),
      );
      return Decoration.set(marks, true);
    }
    return value.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Is the person in the editor, or at what it offers? A reader has no focus there, only a selection. */
const hasFocus = StateField.define({
  create: () => false,
  update: (value, { effects }) => effects.find((effect) => effect.is(focused))?.value ?? value,
});

const focusing = ViewPlugin.define((view) => {
  const stop = new AbortController();
  const tell = () => {
    const here = view.state.readOnly ? document.getSelection().anchorNode : document.activeElement;
    const isIn = view.dom.contains(here);
    if (!stop.signal.aborted && isIn !== view.state.field(hasFocus)) view.dispatch({ effects: focused.of(isIn) });
  };
  // It is on its way while these are told, perhaps because the editor is being drawn.
  for (const name of ["focusin", "focusout"]) view.dom.addEventListener(name, () => setTimeout(tell), { signal: stop.signal });
  document.addEventListener("selectionchange", () => view.state.readOnly && setTimeout(tell), { signal: stop.signal });
  return { destroy: () => stop.abort() };
});

/** Where a thread's words are in the text now, or null: by position, else by what they said and what stood around them. */
export function findWords(ytext, { anchor, quote, before, after }) {
  const from = anchor.start ? indexIn(ytext, anchor.start) : null;
  const to = anchor.end ? indexIn(ytext, anchor.end) : null;
  if (from !== null && to !== null && from < to) return { from, to };
  return findQuote(ytext.toString(), quote, before, after);
}

/** The place of a quote, as `quoted_at` of the server finds it (postmortems/services/comment.py). */
function findQuote(text, quote, before, after) {
  const places = quote ? [...placesOf(text, quote)] : [];
  const best = before || after ? mostAlike(text, quote, places, before, after) : places.length === 1 ? places[0] : null;
  return best === null ? null : { from: best, to: best + quote.length };
}

function mostAlike(text, quote, places, before, after) {
  let [best, most] = [null, 0];
  for (const at of places) {
    const sameBefore = alike(text, at - 1, before, -1);
    const sameAfter = alike(text, at + quote.length, after, 1);
    if (sameBefore && sameAfter && sameBefore + sameAfter > most) [best, most] = [at, sameBefore + sameAfter];
  }
  return best;
}

function* placesOf(text, quote) {
  for (let at = text.indexOf(quote); at >= 0; at = text.indexOf(quote, at + 1)) yield at;
}

/** How far the text is from `at` on as it was known to be, its end included; 0 when that is too little. */
function alike(text, at, known, step) {
  const length = known.length === AROUND ? AROUND : known.length + 1; // at its end, there is nothing: undefined in both
  const first = step > 0 ? 0 : known.length - 1;
  let count = 0;
  while (count < length && text[at + step * count] === known[first + step * count]) count += 1;
  return 2 * count >= length && count >= Math.min(known.length, FEWEST_ALIKE) ? count : 0;
}

/** The threads beside the text: shows where each belongs, and begins new ones on a selection. */
export class Comments {
  constructor(root, sections) {
    this.root = root;
    this.sections = sections;
    this.panel = root.querySelector("#comments-panel");
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.observer = new MutationObserver(() => this.later());
    this.observer.observe(this.panel, { childList: true, subtree: true });
    this.panel.addEventListener("click", (event) => this.clicked(event), { signal });
    this.panel.addEventListener("keydown", (event) => this.pressed(event), { signal });
    this.panel.addEventListener("reset", (event) => this.cancelled(event), { signal });
    this.panel.addEventListener("htmx:config:request", (event) => this.addPlace(event), { signal });
    document.addEventListener("htmx:after:request", (event) => this.answered(event.detail.ctx), { signal });
    root.addEventListener("click", (event) => event.target.closest("[data-comment-row]") && this.show(true), { signal });
    document.addEventListener("htmx:after:swap", (event) => this.nameRow(event.detail.ctx), { signal });
    root.querySelector(".comments-toggle").addEventListener("click", () => this.show(!this.isShown), { signal });
    this.show(root.hasAttribute("data-comments-open") && !matchMedia(OVER_THE_PAGE).matches);
  }

  destroy() {
    this.stop.abort();
    this.observer.disconnect();
    clearTimeout(this.timer);
    clearTimeout(this.reading);
  }

  show(isShown) {
    this.isShown = isShown;
    this.root.toggleAttribute("data-comments-open", isShown);
    this.root.querySelector(".comments-toggle").setAttribute("aria-expanded", String(isShown));
    this.read();
  }

  /** What an editor needs so that words in it can be commented on. */
  extensions(place) {
    return [
      highlights,
      hasFocus,
      focusing,
      this.offer(place),
      EditorView.domEventHandlers({
        click: (event, view) => {
          const mark = event.target.closest?.("[data-thread]");
          this.current = mark?.dataset.thread;
          this.markCurrent();
          if (!mark) return;
          this.open(this.current);
          view.dispatch({ effects: EditorView.scrollIntoView(view.state.selection.main.head) });
        },
      }),
    ];
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.place(), 60);
  }

  /** Find the words of every thread; those that are nowhere go to the tray, and nothing is lost. */
  place() {
    this.observer.disconnect();
    const found = new Map([...this.sections.keys()].map((id) => [id, []]));
    const tray = this.panel.querySelector(".comments-tray");
    for (const thread of this.panel.querySelectorAll(".comments > .thread, .comments-tray > .thread")) {
      const section = this.sections.get(thread.dataset.section);
      if (!section) continue;
      const range = findWords(section.ytext, wordsOf(thread));
      thread.classList.toggle("is-orphan", range === null);
      if (range === null && thread.parentElement !== tray) move(thread, tray, null);
      else if (range !== null && thread.parentElement === tray) move(thread, tray.parentElement, tray);
      if (range) found.get(thread.dataset.section).push({ id: thread.id, isSuggestion: thread.querySelector("ins") !== null, ...range });
    }
    this.markCurrent();
    tray.hidden = tray.querySelector(".thread") === null;
    for (const [id, ranges] of found) this.sections.get(id).editor.view.dispatch({ effects: placed.of(ranges) });
    const open = this.panel.querySelectorAll(".comments > .thread, .comments-tray > .thread").length;
    this.root.querySelector(".comments-count").textContent = String(open);
    this.observer.observe(this.panel, { childList: true, subtree: true });
    this.read();
  }

  /** After a while in view, what is new counts as read. */
  read() {
    clearTimeout(this.reading);
    const list = this.panel.querySelector(".comments");
    if (!this.isShown || !Number(list?.dataset.unread)) return;
    this.reading = setTimeout(() => {
      if (document.hidden) return;
      list.dataset.unread = "0";
      window.htmx.ajax("POST", this.root.dataset.readUrl, { source: list, target: list, swap: "none", headers: this.root.csrf() });
    }, READ_AFTER_MS);
  }

  // -- Beginning ------------------------------------------------------------------------------------------------------

  /** Two buttons above a selection, while the person is there. */
  offer(place) {
    const tooltip = (state) => {
      const { from, to, empty } = state.selection.main;
      if (empty || to - from > 5000 || !state.field(hasFocus)) return null;
      return { pos: from, above: true, arrow: false, create: (view) => ({ dom: this.buttons(view, place) }) };
    };
    return StateField.define({
      create: tooltip,
      update: (value, { docChanged, selection, effects, state }) =>
        docChanged || selection || effects.some((effect) => effect.is(focused)) ? tooltip(state) : value,
      provide: (field) => showTooltip.from(field),
    });
  }

  buttons(view, place) {
    const one = (label, isSuggestion) => {
      const button = make("button", { type: "button", class: "btn btn-ghost btn-xs" }, label);
      button.addEventListener("mousedown", (event) => event.preventDefault());
      button.addEventListener("click", () => this.begin(view, place, isSuggestion));
      return button;
    };
    return make("div", { class: "selection-menu" }, one("Comment", false), one("Suggest", true));
  }

  async begin(view, place, isSuggestion) {
    const { from, to } = view.state.selection.main;
    const quote = view.state.sliceDoc(from, to);
    const { ytext } = this.sections.get(place.dataset.liveSection);
    const position = (index, assoc) => Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(ytext, index, assoc));
    const values = {
      quote,
      quote_before: view.state.sliceDoc(Math.max(0, from - AROUND), from),
      quote_after: view.state.sliceDoc(to, to + AROUND),
      anchor: JSON.stringify({ start: position(from, 0), end: position(to, -1) }),
      is_suggestion: isSuggestion ? "True" : "",
    };
    this.show(true);
    const url = `${place.dataset.commentUrl}?${isSuggestion ? "suggest&" : ""}quote=${encodeURIComponent(quote.slice(0, 1500))}`;
    const target = this.panel.querySelector("#thread-new");
    const typed = target.querySelector("[name=body]")?.value ?? "";
    await window.htmx.ajax("GET", url, { source: this.panel, target, swap: "outerHTML" });
    const form = this.panel.querySelector("form#thread-new");
    if (!form || form === target) return; // it did not come, which was said
    this.begunIn = view;
    view.dispatch({ selection: { anchor: view.state.selection.main.to }, scrollIntoView: true });
    for (const [name, value] of Object.entries(values)) form.elements.namedItem(name).value = value;
    form.elements.namedItem("body").value = typed;
    const first = form.elements.namedItem(isSuggestion ? "replacement" : "body");
    if (isSuggestion) first.value = quote;
    first.focus();
  }

  /** The form of a comment on a row of a block, a why: it says which row. */
  nameRow({ sourceElement }) {
    const row = sourceElement?.dataset?.commentRow;
    const form = row && this.panel.querySelector("form#thread-new");
    if (!form) return;
    form.elements.namedItem("anchor").value = JSON.stringify({ row });
    this.begunIn = null;
    form.elements.namedItem("body").focus();
  }

  /** The new thread is in the list: its form is done. */
  answered({ sourceElement, response }) {
    if (sourceElement.matches?.("form#thread-new") && response?.status === 200) this.endForm(sourceElement);
  }

  cancelled(event) {
    if (event.target.matches("form#thread-new")) this.endForm(event.target);
  }

  endForm(form) {
    form.replaceWith(make("div", { id: "thread-new" }));
    this.begunIn?.focus();
  }

  // -- Going there ----------------------------------------------------------------------------------------------------

  /** Shows the thread; the caret stays in the text, where the next keys belong. */
  open(id) {
    this.show(true);
    const thread = document.getElementById(id);
    thread?.closest("details")?.setAttribute("open", "");
    thread?.scrollIntoView({ block: "nearest" });
  }

  /** Marks the thread whose words were clicked last. */
  markCurrent() {
    for (const thread of this.panel.querySelectorAll("article.thread")) {
      if (thread.id === this.current) thread.setAttribute("aria-current", "true");
      else thread.removeAttribute("aria-current");
    }
  }

  clicked(event) {
    const quote = event.target.closest(".thread-quote, .thread-suggestion");
    const thread = quote?.closest("article.thread");
    const section = thread && this.sections.get(thread.dataset.section);
    const row = thread && document.getElementById(wordsOf(thread).anchor.row ?? "");
    row?.scrollIntoView({ block: "center" });
    row?.focus();
    const range = section && findWords(section.ytext, wordsOf(thread));
    if (!range) return;
    const { view } = section.editor;
    view.dispatch({ selection: { anchor: range.from, head: range.to }, effects: EditorView.scrollIntoView(range.from, { y: "center" }) });
  }

  /** One key settles the thread that has the focus; Ctrl+Enter sends what is written in a field. */
  pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) {
      event.preventDefault();
      event.target.form.requestSubmit();
      return;
    }
    if (!event.target.matches("article.thread") || event.ctrlKey || event.metaKey || event.altKey) return;
    const form = event.target.querySelector(`form[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  }

  /** Accepting says which words are meant now, and where they stand. */
  addPlace(event) {
    const form = event.target.closest?.("form[action$='/accept/']");
    const thread = form?.closest("article.thread");
    const section = thread && this.sections.get(thread.dataset.section);
    const range = section && findWords(section.ytext, wordsOf(thread));
    if (!range) return;
    const text = section.ytext.toString();
    const { body } = event.detail.ctx.request;
    body.set("words", text.slice(range.from, range.to));
    body.set("near", String([...text.slice(0, range.from)].length));
  }
}

/** Where the browser can, without taking the focus out of it. */
function move(element, parent, successor) {
  if (parent.moveBefore) parent.moveBefore(element, successor);
  else parent.insertBefore(element, successor);
}

function wordsOf({ dataset }) {
  let anchor = {};
  try {
    anchor = JSON.parse(dataset.anchor) ?? {};
  } catch {
    anchor = {}; // then the quote has to do
  }
  return { anchor, quote: dataset.quote, before: dataset.before, after: dataset.after };
}
