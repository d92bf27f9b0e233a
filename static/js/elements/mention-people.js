import Combobox from "@github/combobox-nav";

import { make } from "../dom.js";
import { AT, peopleLike } from "../mentions.js";

const REFERENCE = /\{\{\s*person:(\d+)\s*\}\}/g;
const known = new Map();

/**
 * `@` in the text field within offers people, from data-url. In the field they stand by name; sent is the reference to
 * them. data-names: whom the text names already.
 */
class MentionPeople extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.field = this.querySelector("textarea");
    this.list ??= make("ul", { class: "mention-list", role: "listbox", "aria-label": "People", hidden: "" });
    this.append(this.list);
    if (!this.chosen) this.showNames();
    this.field.addEventListener("input", () => this.typed(), { signal });
    this.field.addEventListener("keydown", (event) => this.pressed(event), { signal });
    this.field.addEventListener("blur", () => this.close(), { signal });
    this.field.form.addEventListener("formdata", ({ formData }) => formData.set(this.field.name, this.written()), { signal });
    this.list.addEventListener("mousedown", (event) => event.preventDefault(), { signal });
    this.list.addEventListener("combobox-commit", ({ target }) => this.choose(target.dataset), { signal });
  }

  disconnectedCallback() {
    this.close();
    this.stop.abort();
  }

  // -- Names and references -------------------------------------------------------------------------------------------

  showNames() {
    this.chosen = new Map();
    for (const [id, name] of Object.entries(JSON.parse(this.dataset.names || "{}"))) known.set(id, name);
    const shown = this.field.value.replace(REFERENCE, (reference, id) => (known.has(id) ? this.nameOf(id) : reference));
    if (shown !== this.field.value) this.field.defaultValue = shown;
  }

  /** How the person stands in this field; of two with the same name, the second as they are sent. */
  nameOf(id) {
    const name = known.get(id);
    if (!this.chosen.has(name)) this.chosen.set(name, id);
    return this.chosen.get(name) === id ? `@${name}` : `{{person:${id}}}`;
  }

  written() {
    const names = [...this.chosen.keys()].sort((one, two) => two.length - one.length);
    if (!names.length) return this.field.value;
    const any = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
    return this.field.value.replace(new RegExp(`@(${any})(?![\\p{L}\\p{N}])`, "gu"), (_, name) => `{{person:${this.chosen.get(name)}}}`);
  }

  // -- The menu -------------------------------------------------------------------------------------------------------

  /** What stands between an @ and the caret, or null. */
  get asked() {
    const { value, selectionStart, selectionEnd } = this.field;
    const begun = selectionStart === selectionEnd ? AT.exec(value.slice(0, selectionStart)) : null;
    return begun && begun[0].trimStart().slice(1);
  }

  async typed() {
    const { asked } = this;
    if (asked === null || this.chosen.has(asked)) return this.close();
    const people = await peopleLike(asked, this.dataset.url);
    if (asked !== this.asked || document.activeElement !== this.field) return;
    if (people?.length) this.offer(people);
    else this.close();
  }

  offer(people) {
    const options = people.map(({ id, name, note }) => {
      const detail = note ? [" ", make("span", { class: "muted" }, note)] : [];
      return make("li", { role: "option", "data-id": String(id), "data-name": name }, name, ...detail);
    });
    this.list.replaceChildren(...options);
    this.list.hidden = false;
    this.combobox ??= new Combobox(this.field, this.list, { tabInsertsSuggestions: false, firstOptionSelectionMode: "selected" });
    this.combobox.stop();
    this.combobox.start();
  }

  close() {
    this.combobox?.destroy();
    this.combobox = null;
    this.list.hidden = true;
  }

  pressed(event) {
    if (event.key !== "Escape" || this.list.hidden) return;
    event.stopPropagation();
    this.close();
  }

  choose({ id, name }) {
    const { asked, field } = this;
    this.close();
    if (asked === null) return;
    known.set(id, name);
    field.setRangeText(this.nameOf(id), field.selectionStart - asked.length - 1, field.selectionStart, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

customElements.define("mention-people", MentionPeople);
