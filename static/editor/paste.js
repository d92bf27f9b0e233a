import { strikethrough, tables, taskListItems } from "@joplin/turndown-plugin-gfm";
import { EditorView } from "@codemirror/view";
import TurndownService from "turndown";

import { toast } from "../js/dom.js";
import { upload } from "../js/uploads.js";
import { tidy } from "./pasted-html.js";
import { isInCell, isInCode, prefixAt, touchesLink } from "./places.js";
import { begin, end, sending } from "./sending.js";

const ADDRESS = /^https?:\/\/\S+$/;
const MOST_BYTES = 900_000;

// What is parsed stays in a document of its own, where no script runs, and only its words are taken.
const policy = window.trustedTypes?.createPolicy("debrief-paste", { createHTML: (html) => html }) ?? { createHTML: (html) => html };

// Styles are never applied, but parsing them is against the policy of the page, and each would be reported.
const unstyled = (html) =>
  html
    .replaceAll(/<style\b.*?<\/style\s*>/gis, "")
    .replaceAll(/<[a-z][^<>]*>/gi, (tag) => tag.replaceAll(/(?<=[\s"'])style(?=\s*=)/gi, "data-style"));

const turndown = new TurndownService({ headingStyle: "atx", bulletListMarker: "-", codeBlockStyle: "fenced", emDelimiter: "*" });
turndown.use([strikethrough, tables, taskListItems]);
turndown.remove(["script", "style", "meta", "title", "noscript"]);

/** Markdown of the HTML on the clipboard; "" when it says no more than its plain text. */
export function markdownOf(html, plain) {
  const parsed = new DOMParser().parseFromString(policy.createHTML(unstyled(html)), "text/html");
  if (!tidy(parsed.body)) return "";
  const written = turndown.turndown(parsed.body).replaceAll("\u00a0", " ").trim();
  return written === plain.trim() ? "" : written;
}

function replaceSelection(view, words) {
  view.dispatch(view.state.replaceSelection(words), { userEvent: "input.paste", scrollIntoView: true });
}

/** Takes what is pasted or dropped: files are attached, a link goes onto the selection, HTML becomes Markdown. */
export function pasting(attachUrl) {
  const handlers = EditorView.domEventHandlers({
    paste: (event, view) => !view.state.readOnly && take(event, event.clipboardData, view, attachUrl),
    drop(event, view) {
      if (view.state.readOnly || !event.dataTransfer) return false;
      if (!event.dataTransfer.files.length) return isTooMuch(event, view, event.dataTransfer.getData("text/plain"));
      const at = view.posAtCoords({ x: event.clientX, y: event.clientY }, false);
      view.dispatch({ selection: { anchor: at } });
      return take(event, event.dataTransfer, view, attachUrl);
    },
  });
  return [handlers, sending];
}

function take(event, transfer, view, attachUrl) {
  if (!transfer) return false;
  const plain = transfer.getData("text/plain");
  if (transfer.files.length && !plain) {
    event.preventDefault();
    attachAll([...transfer.files], view, attachUrl);
    return true;
  }
  if (isTooMuch(event, view, plain)) return true;
  const words = wordsOf(view.state, transfer.getData("text/html"), plain);
  if (!words) return false;
  if (isTooMuch(event, view, words)) return true;
  event.preventDefault();
  replaceSelection(view, words);
  return true;
}

const bytesOf = (text) => new TextEncoder().encode(text).length;

/** More than a section holds would never be saved. */
function isTooMuch(event, view, words) {
  if (bytesOf(words) + bytesOf(view.state.doc.toString()) <= MOST_BYTES) return false;
  event.preventDefault();
  toast("That is too much text for one section. Nothing was pasted: attach it as a file.", "error");
  return true;
}

/** What to write for what is pasted, as its place wants it; "" when that is the plain text. */
function wordsOf(state, html, plain) {
  const { from, to } = state.selection.main;
  const isOneLine = to <= state.doc.lineAt(from).to;
  if (isOneLine && isInCell(state, from) && isInCell(state, to)) return linkOnto(state, plain) || inOneCell(plain);
  const words = isInCode(state, from) && isInCode(state, to) ? "" : linkOnto(state, plain) || markdownOf(html, plain);
  const prefix = prefixAt(state, from);
  return prefix ? (words || plain).replaceAll(/\r\n?|\n/g, `\n${prefix}`) : words;
}

const inOneCell = (plain) =>
  plain
    .replaceAll(/^[\r\n]+|[\r\n]+$/g, "")
    .replaceAll(/\s*[\r\n\t]\s*/g, " ")
    .replaceAll(/(?<!\\)\|/g, "\\|");

/** An address links the words that are selected; it takes the place of other addresses, links, lines and code. */
function linkOnto(state, plain) {
  const { from, to } = state.selection.main;
  const text = state.sliceDoc(from, to);
  const address = plain.trim();
  if (!text || !ADDRESS.test(address)) return "";
  const isLinked = touchesLink(state, from, to) || ADDRESS.test(text.trim());
  return isLinked || text.includes("\n") || isInCode(state, from) || isInCode(state, to) ? address : `[${text}](${address})`;
}

/** Send each file; its Markdown takes the place that it holds meanwhile. */
export async function attachAll(files, view, attachUrl) {
  begin(view, files);
  for (const file of files) {
    toast(`Sending ${file.name}…`, "info");
    const markdown = await upload(file, attachUrl);
    if (view.dom.isConnected) end(view, file, markdown);
  }
}
