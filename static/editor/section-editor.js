import { completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap } from "@codemirror/commands";
import { markdownLanguage } from "@codemirror/lang-markdown";
import { HighlightStyle, LanguageSupport, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, dropCursor, highlightSpecialChars, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import * as Y from "yjs";

import { clearOfBars } from "./clear-of-bars.js";
import { completions } from "./completions.js";
import { finding } from "./find.js";
import { markdownKeys } from "./markdown-keys.js";
import { pasting } from "./paste.js";
import { shownReferences } from "./references.js";
import { remoteCursors } from "./remote-cursors.js";
import { undoSteps } from "./undo-steps.js";
import { wholeCharacters } from "./whole-characters.js";

const look = HighlightStyle.define([
  { tag: tags.heading, class: "md-heading" },
  { tag: tags.strong, class: "md-strong" },
  { tag: tags.emphasis, class: "md-emphasis" },
  { tag: tags.strikethrough, class: "md-strike" },
  { tag: tags.monospace, class: "md-code" },
  { tag: tags.quote, class: "md-quote" },
  { tag: [tags.link, tags.url], class: "md-link" },
  { tag: [tags.processingInstruction, tags.contentSeparator], class: "md-mark" },
]);

/** The editor of one section: one Y.Text of the document, shown as Markdown. */
export class SectionEditor {
  constructor({ place, ytext, awareness, label, nonce, references, peopleUrl, attachUrl, views, extensions = [] }) {
    this.ytext = ytext;
    this.standing = new Compartment();
    this.undoManager = new Y.UndoManager(ytext, { captureTimeout: 700 });
    this.view = new EditorView({
      parent: place,
      state: EditorState.create({
        doc: ytext.toString(),
        extensions: [
          finding(views),
          keymap.of([...completionKeymap, ...yUndoManagerKeymap, ...markdownKeys, ...defaultKeymap]),
          undoSteps(this.undoManager),
          yCollab(ytext, null, { undoManager: this.undoManager }),
          remoteCursors(ytext, awareness),
          wholeCharacters,
          this.standing.of([]),
          new LanguageSupport(markdownLanguage),
          syntaxHighlighting(look),
          completions(references, peopleUrl),
          shownReferences(references),
          pasting(attachUrl),
          highlightSpecialChars(),
          dropCursor(),
          EditorView.lineWrapping,
          clearOfBars,
          EditorView.cspNonce.of(nonce),
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "true", autocorrect: "on", autocapitalize: "sentences" }),
          extensions,
        ],
      }),
    });
  }

  /** Whether this person may write here now. */
  allow(mayWrite) {
    if (this.mayWrite === mayWrite) return;
    this.mayWrite = mayWrite;
    const standing = mayWrite ? [] : [EditorState.readOnly.of(true), EditorView.editable.of(false)];
    this.view.dispatch({ effects: this.standing.reconfigure(standing) });
  }

  destroy() {
    this.view.destroy();
    this.undoManager.destroy();
  }
}
