import { make } from "../dom.js";
import { readDraft, removeDraft, writeDraft } from "../drafts.js";

const KEEPS_AFTER_MS = 300;
const FORGETS_AFTER_MS = 30 * 24 * 3600 * 1000;
const FIELDS = "textarea[name]:not([readonly]), input[type=text][name]";

/**
 * Keeps what is typed into a form in this browser until the server has it, and offers it again when the form is next
 * opened. `data-key` names the form. `data-off` (restricted texts): keeps nothing, warns before leaving instead.
 * `data-unsaved`: the form came back from the server with text that is saved nowhere.
 */
class KeepText extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.form = this.querySelector("form");
    this.isKept = !this.hasAttribute("data-off");
    this.isUnsaved = this.hasAttribute("data-unsaved");
    this.loaded = this.isUnsaved ? {} : this.typed();
    this.form.addEventListener("input", () => this.later(), { signal });
    this.form.addEventListener("submit", () => this.submitted(), { signal });
    document.addEventListener("htmx:after:request", (event) => this.answered(event.detail.ctx), { signal });
    window.addEventListener("beforeunload", (event) => this.leaving(event), { signal });
    window.addEventListener("pagehide", () => this.timer && this.keep(), { signal });
    if (this.isUnsaved) this.keep();
    else if (this.isKept) this.offer();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.stop.abort();
  }

  typed() {
    return Object.fromEntries([...this.form.querySelectorAll(FIELDS)].map((field) => [field.name, field.value]));
  }

  get isChanged() {
    return JSON.stringify(this.typed()) !== JSON.stringify(this.loaded);
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), KEEPS_AFTER_MS);
  }

  keep() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!this.isKept || this.isDone) return;
    if (this.isChanged) this.isKept = writeDraft(this.dataset.key, { at: Date.now(), fields: this.typed() });
    else removeDraft(this.dataset.key);
  }

  /** A plain form leaves the page: the next page says whether the server took it. */
  submitted() {
    this.keep();
    this.isSubmitted = true;
    setTimeout(() => (this.isSubmitted = false), 3000);
    const draft = readDraft(this.dataset.key);
    if (draft) writeDraft(this.dataset.key, { ...draft, isSubmitted: true });
  }

  answered({ sourceElement, request, response }) {
    if (!this.contains(sourceElement) || response.status >= 400) return;
    if (sourceElement !== this.form && request.method !== "GET") return;
    this.isDone = true;
    removeDraft(this.dataset.key);
  }

  leaving(event) {
    if (!this.isKept && this.isChanged && !this.isDone && !this.isSubmitted) event.preventDefault();
  }

  offer() {
    const draft = readDraft(this.dataset.key);
    if (!draft) return;
    const isStale = Date.now() - draft.at > FORGETS_AFTER_MS;
    const differs = Object.entries(draft.fields).some(([name, text]) => text.trim() && this.loaded[name] !== text);
    if (isStale || !differs) return removeDraft(this.dataset.key);
    const [restore, drop] = [this.button("Put it back", "btn btn-sm"), this.button("Discard", "btn btn-ghost btn-sm")];
    const note = make("div", { class: "draft-offer", role: "status" });
    note.append(make("p", {}, `What you wrote here ${when(draft.at)} was not saved.`), restore, drop);
    restore.addEventListener("click", () => this.restore(draft, note));
    drop.addEventListener("click", () => {
      removeDraft(this.dataset.key);
      note.remove();
    });
    this.prepend(note);
  }

  button(text, classes) {
    return make("button", { class: classes, type: "button" }, text);
  }

  restore(draft, note) {
    note.remove();
    for (const [name, text] of Object.entries(draft.fields)) {
      const field = this.form.elements.namedItem(name);
      if (field instanceof Element && text) field.value = text;
    }
    this.form.querySelector(FIELDS)?.focus();
  }
}

function when(at) {
  const date = new Date(at);
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? `at ${time}` : `on ${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} at ${time}`;
}

/** A page of the application after a submitted form: the server took the text, unless its form is here again. */
function forgetSubmitted() {
  const { user } = document.documentElement.dataset;
  if (!user) return;
  const prefix = `debrief:text:${user}:`;
  for (const key of Object.keys(localStorage)) {
    const name = key.slice(prefix.length);
    if (!key.startsWith(prefix) || document.querySelector(`keep-text[data-key="${CSS.escape(name)}"]`)) continue;
    if (readDraft(name)?.isSubmitted) removeDraft(name);
  }
}

forgetSubmitted();
customElements.define("keep-text", KeepText);
