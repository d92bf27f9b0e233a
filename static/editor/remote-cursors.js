import { Annotation, RangeSet } from "@codemirror/state";
import { Decoration, ViewPlugin, WidgetType } from "@codemirror/view";
import * as Y from "yjs";

import { make } from "../js/dom.js";
import { colourOf } from "./people.js";

const moved = Annotation.define();

class Caret extends WidgetType {
  constructor(user) {
    super();
    this.user = user;
  }

  eq(other) {
    return other.user.id === this.user.id && other.user.name === this.user.name;
  }

  toDOM() {
    return make("span", { class: `caret ${colourOf(this.user)}`, "aria-hidden": "true", "data-name": this.user.name });
  }

  ignoreEvent() {
    return true;
  }
}

/** Where others are in this section, each with their name; and tells them where we are. Styles are classes only. */
class RemoteCursors {
  constructor(view, conf) {
    this.view = view;
    this.conf = conf;
    this.decorations = RangeSet.empty;
    this.listen = ({ added, updated, removed }) => {
      const { clientID } = this.conf.awareness;
      if ([...added, ...updated, ...removed].some((id) => id !== clientID)) this.view.dispatch({ annotations: moved.of(true) });
    };
    this.conf.awareness.on("change", this.listen);
    this.draw(view.state);
  }

  destroy() {
    this.conf.awareness.off("change", this.listen);
  }

  update(update) {
    if (update.focusChanged || update.selectionSet || update.docChanged) this.tell(update.view);
    if (update.docChanged || update.transactions.some((each) => each.annotation(moved))) this.draw(update.state);
  }

  tell(view) {
    const { awareness, ytext } = this.conf;
    if (!awareness.getLocalState() || !view.hasFocus) return;
    const { anchor, head } = view.state.selection.main;
    const at = (index) => Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(ytext, index));
    const cursor = { anchor: at(anchor), head: at(head) };
    if (JSON.stringify(cursor) !== JSON.stringify(awareness.getLocalState().cursor)) {
      awareness.setLocalStateField("cursor", cursor);
    }
  }

  draw(state) {
    const { awareness, ytext } = this.conf;
    const drawn = [];
    for (const [client, { user, cursor } = {}] of awareness.getStates()) {
      if (client === awareness.clientID || !cursor || typeof user?.id !== "number") continue;
      const anchor = indexIn(ytext, cursor.anchor, state.doc.length);
      const head = indexIn(ytext, cursor.head, state.doc.length);
      if (anchor === null || head === null) continue;
      const [from, to] = anchor < head ? [anchor, head] : [head, anchor];
      if (from < to) drawn.push(Decoration.mark({ class: `remote-selection ${colourOf(user)}` }).range(from, to));
      drawn.push(Decoration.widget({ widget: new Caret(user), side: head > anchor ? -1 : 1 }).range(head));
    }
    this.decorations = Decoration.set(drawn, true);
  }
}

/** Where a relative position is in this text now; null when it is in another, or nowhere. */
export function indexIn(ytext, position, length = Infinity) {
  try {
    const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(position), ytext.doc);
    return found?.type === ytext ? Math.min(found.index, length) : null;
  } catch {
    return null; // others' clients may send anything
  }
}

/** The library's own cursors need inline styles, which our policy forbids. */
export function remoteCursors(ytext, awareness) {
  return ViewPlugin.define((view) => new RemoteCursors(view, { ytext, awareness }), {
    decorations: (plugin) => plugin.decorations,
  });
}
