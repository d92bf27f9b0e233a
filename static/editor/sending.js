import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType } from "@codemirror/view";

import { make } from "../js/dom.js";

const began = StateEffect.define();
const ended = StateEffect.define();

class Sent extends WidgetType {
  constructor(file) {
    super();
    this.file = file;
  }

  eq(other) {
    return other.file === this.file;
  }

  toDOM() {
    return make("span", { class: "sending-file" }, `Sending ${this.file.name}…`);
  }
}

/**
 * Files on their way, each where it will stand. Only their sender sees them, and they are no part of the text: what is
 * typed there goes after them.
 */
export const sending = StateField.define({
  create: () => [],
  update(files, { changes, effects }) {
    const arrived = effects.find((effect) => effect.is(ended))?.value;
    const last = files.findIndex(({ file }) => file === arrived);
    const kept = files.map(({ file, at }, index) => ({ file, at: changes.mapPos(at, last >= 0 && index > last ? 1 : -1) }));
    const added = effects.filter((effect) => effect.is(began)).map(({ value }) => value);
    return [...kept.filter(({ file }) => file !== arrived), ...added];
  },
  provide: (field) =>
    EditorView.decorations.from(field, (files) =>
      Decoration.set(
        files.map(({ file, at }) => Decoration.widget({ widget: new Sent(file), side: -1 }).range(at)),
        true,
      ),
    ),
});

export function begin(view, files) {
  const at = view.state.selection.main.head;
  view.dispatch({ effects: files.map((file) => began.of({ file, at })) });
}

/** Its Markdown takes the place of the file, "" when there is none. */
export function end(view, file, markdown) {
  const { at } = view.state.field(sending).find((each) => each.file === file);
  const changes = view.state.changes({ from: at, insert: markdown });
  view.dispatch({ changes, selection: view.state.selection.map(changes, 1), effects: ended.of(file) });
}
