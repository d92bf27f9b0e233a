import { tables } from "@joplin/turndown-plugin-gfm";
import { EditorSelection } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import TurndownService from "turndown";
import * as Y from "yjs";

import { toast } from "../js/dom.js";
import { upload } from "../js/uploads.js";
import { indexIn } from "./remote-cursors.js";

const ADDRESS = /^https?:\/\/\S+$/;
const MOST_CHARACTERS = 900_000;

// What is parsed stays in a document of its own, where no script runs, and only its words are taken.
const policy = window.trustedTypes?.createPolicy("debrief-paste", { createHTML: (html) => html }) ?? { createHTML: (html) => html };

const turndown = new TurndownService({ headingStyle: "atx", bulletListMarker: "-", codeBlockStyle: "fenced", emDelimiter: "*" });
turndown.use(tables);
turndown.remove(["script", "style", "meta", "title", "noscript"]);

/** Markdown of the HTML on the clipboard; "" when it says no more than its plain text. */
export function markdownOf(html, plain) {
  const parsed = new DOMParser().parseFromString(policy.createHTML(html), "text/html");
  if (!parsed.body.querySelector("a[href], b, strong, i, em, h1, h2, h3, h4, ul, ol, table, pre, code, blockquote")) return "";
  for (const image of parsed.body.querySelectorAll("img")) image.replaceWith(image.alt ?? "");
  const written = turndown.turndown(parsed.body).replaceAll("\u00a0", " ").trim();
  return written === plain.trim() ? "" : written;
}

function replaceSelection(view, words) {
  view.dispatch(view.state.replaceSelection(words), { userEvent: "input.paste", scrollIntoView: true });
}

/** Takes what is pasted or dropped: files are attached, a link goes onto the selection, HTML becomes Markdown. */
export function pasting(attachUrl, ytext) {
  return EditorView.domEventHandlers({
    paste: (event, view) => !view.state.readOnly && take(event, event.clipboardData, view, attachUrl, ytext),
    drop(event, view) {
      if (view.state.readOnly || !event.dataTransfer?.files.length) return false;
      const at = view.posAtCoords({ x: event.clientX, y: event.clientY }, false);
      view.dispatch({ selection: { anchor: at } });
      return take(event, event.dataTransfer, view, attachUrl, ytext);
    },
  });
}

function take(event, transfer, view, attachUrl, ytext) {
  if (!transfer) return false;
  const plain = transfer.getData("text/plain");
  if (transfer.files.length && !plain) {
    event.preventDefault();
    attachAll([...transfer.files], view, attachUrl, ytext);
    return true;
  }
  if (plain.length + view.state.doc.length > MOST_CHARACTERS) {
    event.preventDefault();
    toast("That is too much text for one section. Nothing was pasted: attach it as a file.", "error");
    return true;
  }
  const words = linkOnto(view, plain) || markdownOf(transfer.getData("text/html"), plain);
  if (!words) return false;
  event.preventDefault();
  replaceSelection(view, words);
  return true;
}

function linkOnto(view, plain) {
  const { from, to } = view.state.selection.main;
  const text = view.state.sliceDoc(from, to);
  return ADDRESS.test(plain.trim()) && text && !text.includes("\n") ? `[${text}](${plain.trim()})` : "";
}

/**
 * Send each file and write its Markdown where the caret was; others see only what is finished. The name of an image is
 * selected then, so that what it shows can be typed instead.
 */
export async function attachAll(files, view, attachUrl, ytext) {
  for (const file of files) {
    toast(`Sending ${file.name}…`, "info");
    const place = Y.createRelativePositionFromTypeIndex(ytext, view.state.selection.main.head);
    const written = await upload(file, attachUrl);
    if (!written || !view.dom.isConnected) continue;
    const at = indexIn(ytext, Y.relativePositionToJSON(place), view.state.doc.length) ?? view.state.doc.length;
    const name = written.startsWith("![") ? EditorSelection.range(at + 2, at + written.indexOf("](")) : null;
    view.dispatch({ changes: { from: at, insert: written }, selection: name ?? { anchor: at + written.length } });
  }
}
