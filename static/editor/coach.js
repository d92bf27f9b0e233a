import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView } from "@codemirror/view";

import { make } from "../js/dom.js";

const PAUSE_MS = 800;
const LONGEST_WAIT_MS = 5000;
const MOVED = 300;
const shown = StateEffect.define();

/** Which words the coach has something to say about, in one editor; they move with the text. */
const underlines = StateField.define({
  create: () => Decoration.none,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(shown)) return effect.value;
    return value.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Reads along: asks the server about a section when its typing pauses, underlines words, and lists questions below. */
export class Coach {
  constructor(root, sections) {
    this.root = root;
    this.sections = sections;
    this.waiting = new Map();
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.button = root.querySelector(".coach-next");
    this.button?.addEventListener("click", () => this.next(), { signal });
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
  }

  destroy() {
    this.stop.abort();
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
  }

  get extensions() {
    return [underlines];
  }

  /** A section says something new: ask once its people pause, or after a while where they never do. */
  later(id) {
    const { timer, since = performance.now() } = this.waiting.get(id) ?? {};
    clearTimeout(timer);
    const left = Math.max(0, since + LONGEST_WAIT_MS - performance.now());
    this.waiting.set(id, { since, timer: setTimeout(() => this.ask(id), Math.min(PAUSE_MS, left)) });
  }

  async ask(id) {
    this.waiting.delete(id);
    const section = this.sections.get(id);
    const place = section?.panel.querySelector("[data-coach-url]");
    if (!place) return;
    const body = section.ytext.toString();
    const request = { method: "POST", headers: this.root.csrf(), body: new URLSearchParams({ body }), signal: this.stop.signal };
    const answer = await fetch(place.dataset.coachUrl, request).catch(() => null);
    if (!answer?.ok || this.sections.get(id) !== section) return;
    const { findings } = await answer.json();
    const text = section.ytext.toString();
    this.show(section, text === body ? findings : findings.flatMap((finding) => moved(finding, text)));
  }

  show(section, findings) {
    const { view } = section.editor;
    const length = view.state.doc.length;
    const marks = findings
      .filter(({ start, end }) => start < end && end <= length)
      .map(({ start, end, severity, what }, at) =>
        Decoration.mark({ class: `coached coached-${severity}`, attributes: { title: what }, at }).range(start, end),
      );
    view.dispatch({ effects: shown.of(Decoration.set(marks, true)) });
    section.findings = findings;
    section.panel.querySelector(".coach-notes")?.replaceChildren(...this.notes(section, findings));
    const count = [...this.sections.values()].reduce((sum, { findings: some = [] }) => sum + some.length, 0);
    this.button.hidden = count === 0;
    this.root.blocks.changed("coach");
  }

  notes(section, findings) {
    if (!findings.length) return [];
    const list = make("ul", { class: "coach-list" });
    for (const [at, finding] of findings.entries()) list.append(this.note(section, finding, at));
    const words = findings.length === 1 ? "1 note of the coach" : `${findings.length} notes of the coach`;
    const fold = make("details", { class: "coach-fold" }, make("summary", {}, words), list);
    fold.open = section.isUnfolded ?? false;
    fold.addEventListener("toggle", () => (section.isUnfolded = fold.open));
    return [fold];
  }

  note(section, finding, at) {
    const quote = make("button", { type: "button", class: "coach-quote" }, `“${finding.quote.trim().slice(0, 60)}”`);
    quote.addEventListener("click", () => this.select(section, at));
    const why = make("details", { class: "coach-why" }, make("summary", {}, "Why it matters"), make("p", {}, finding.why));
    const parts = [make("p", {}, quote, ` ${finding.what}`), make("p", { class: "coach-ask" }, finding.ask), why];
    const link = this.dismissal(section, finding);
    return make("li", { class: `coach-note coach-${finding.severity}` }, ...parts, ...(link ? [link] : []));
  }

  /** The form of a reason stands in the place of the note; once it is sent, the section is asked about again. */
  dismissal(section, { rule, title, quote }) {
    const notes = section.panel.querySelector(".coach-notes");
    if (section.editor.mayWrite === false) return null;
    const button = make("button", { type: "button", class: "btn btn-ghost btn-xs", "aria-label": `Let stand: ${title}` }, "Let stand…");
    const input = make("input", { class: "input", maxlength: "300", "aria-label": "Why is it fine?", placeholder: "Why is it fine? The reviewer sees it." });
    const form = make("form", { class: "coach-dismiss", hidden: "" }, input, make("button", { class: "btn btn-sm", type: "submit" }, "Let it stand"));
    button.addEventListener("click", () => {
      form.hidden = false;
      button.hidden = true;
      input.focus();
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!input.value.trim()) return input.focus();
      const [id] = [...this.sections].find(([, each]) => each === section);
      const body = new URLSearchParams({ rule, quote, place: id, reason: input.value });
      const headers = { ...this.root.csrf(), "HX-Request": "true" };
      await fetch(notes.dataset.dismissUrl, { method: "POST", headers, body }).catch(() => null);
      this.ask(id);
    });
    return make("div", {}, button, form);
  }

  // -- Going there ----------------------------------------------------------------------------------------------------

  pressed(event) {
    if (event.key !== "F8" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.next();
  }

  /** The finding behind the one that is selected, from section to section, and around. */
  next() {
    const all = [...this.root.querySelectorAll("[data-live-section]")]
      .map((place) => this.sections.get(place.dataset.liveSection))
      .flatMap((section) => (section?.findings ?? []).map((_, at) => ({ section, at })));
    if (!all.length) return;
    const last = all.findIndex(({ section, at }) => section === this.last?.section && at === this.last?.at);
    this.last = all[(last + 1) % all.length];
    this.select(this.last.section, this.last.at);
  }

  select(section, at) {
    const { view } = section.editor;
    const places = [];
    view.state.field(underlines).between(0, view.state.doc.length, (from, to, { spec }) => void places.push({ from, to, at: spec.at }));
    const place = places.find((each) => each.at === at);
    if (!place) return;
    section.panel.querySelector(".coach-fold")?.setAttribute("open", "");
    section.panel.scrollIntoView({ block: "nearest" });
    view.focus();
    view.dispatch({ selection: { anchor: place.from, head: place.to }, effects: EditorView.scrollIntoView(place.from, { y: "center" }) });
    const notes = section.panel.querySelectorAll(".coach-note");
    for (const [index, note] of notes.entries()) note.classList.toggle("is-current", index === at);
  }
}

/** A finding in a text that went on meanwhile: where its words are now, or nowhere. */
function moved(finding, text) {
  const start = text.indexOf(finding.quote, Math.max(0, finding.start - MOVED));
  if (start < 0 || start > finding.start + MOVED || finding.quote.length !== finding.end - finding.start) return [];
  return [{ ...finding, start, end: start + finding.quote.length }];
}
