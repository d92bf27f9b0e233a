import { Annotation } from "@codemirror/state";
import { Decoration, EditorView, MatchDecorator, ViewPlugin, WidgetType } from "@codemirror/view";

import { make } from "../js/dom.js";

const NAME = /\{\{\s*([a-z][a-z0-9:-]*)\s*\}\}/g;
const ASKS_AFTER_MS = 800;
const renewed = Annotation.define();

/** What the names in double braces stand for now, and what can be inserted. */
export class References extends EventTarget {
  values = {};
  groups = [];
  asked = new Set();

  constructor(url) {
    super();
    this.url = url;
    this.load();
  }

  /** Somebody wrote a name that is new to this page. */
  ask(key) {
    if (key in this.values || this.asked.has(key)) return;
    this.asked.add(key);
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.load(), ASKS_AFTER_MS);
  }

  /** What a name stands for is known already. */
  know(key, value) {
    this.values[key] = value;
    this.dispatchEvent(new Event("renewed"));
  }

  async load() {
    const response = await fetch(this.url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!response?.ok) return;
    Object.assign(this, await response.json());
    this.dispatchEvent(new Event("renewed"));
  }
}

class Fact extends WidgetType {
  constructor(key, value) {
    super();
    this.key = key;
    this.value = value;
  }

  eq(other) {
    return other.key === this.key && other.value === this.value;
  }

  toDOM() {
    const isKnown = this.value !== undefined;
    const title = isKnown ? `${this.key}: always what the incident says now` : `Nothing is called “${this.key}”`;
    return make("span", { class: isKnown ? "fact-name" : "fact-name is-unknown", title }, this.value ?? `{{${this.key}}}`);
  }

  ignoreEvent() {
    return false;
  }
}

/** Shows a reference as what it stands for; with the caret in it, as it is written. */
export function shownReferences(references) {
  const matcher = new MatchDecorator({
    regexp: NAME,
    decorate(add, from, to, match, view) {
      const isTouched = view.hasFocus && view.state.selection.ranges.some((range) => range.from < to && range.to > from);
      references.ask(match[1]);
      if (!isTouched) add(from, to, Decoration.replace({ widget: new Fact(match[1], references.values[match[1]]) }));
    },
  });
  const plugin = ViewPlugin.fromClass(
    class {
      constructor(view) {
        this.decorations = matcher.createDeco(view);
        this.renew = () => view.dispatch({ annotations: renewed.of(true) });
        references.addEventListener("renewed", this.renew);
      }

      update(update) {
        const isRenewed = update.transactions.some((each) => each.annotation(renewed));
        if (isRenewed || update.selectionSet || update.focusChanged) this.decorations = matcher.createDeco(update.view);
        else if (update.docChanged || update.viewportChanged) this.decorations = matcher.updateDeco(update, this.decorations);
      }

      destroy() {
        references.removeEventListener("renewed", this.renew);
      }
    },
    {
      decorations: (value) => value.decorations,
      provide: (self) => EditorView.atomicRanges.of((view) => view.plugin(self)?.decorations ?? Decoration.none),
    },
  );
  return plugin;
}
