import { strikethrough, tables, taskListItems } from "@joplin/turndown-plugin-gfm";
import { EditorView } from "@codemirror/view";
import TurndownService from "turndown";

import { toast } from "../js/dom.js";
import { upload } from "../js/uploads.js";
import { wholeOnOwnLine } from "./own-line.js";
import { tidy } from "./pasted-html.js";
import { isInCell, isInCode, linkAround, prefixAt } from "./places.js";
import { begin, end, sending } from "./sending.js";

const LINE = /\r\n?|\n/g;
const ADDRESS = /^https?:\/\/\S+$/;
const MOST_BYTES = 900_000;
const BLOCK = /^\s*(?:(?:[-*+]|\d+[.)]|#{1,6})\s|>|```|~~~|\|.*\|$)/;

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

/** Takes what is pasted or dropped: files are attached, a link goes onto the selection, HTML becomes Markdown. */
export function pasting(attachUrl) {
  const handlers = EditorView.domEventHandlers({
    paste: (event, view) => !view.state.readOnly && take(event, event.clipboardData, view, attachUrl),
    drop(event, view) {
      if (view.state.readOnly || !event.dataTransfer) return false;
      if (!event.dataTransfer.files.length) return isTooMuch(event, view.state.doc + event.dataTransfer.getData("text/plain"));
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
  if (isTooMuch(event, view.state.doc + plain)) return true;
  const change = changeOf(view.state, transfer.getData("text/html"), plain);
  if (!change) return false;
  if (isTooMuch(event, view.state.update(change).newDoc.toString())) return true;
  event.preventDefault();
  view.dispatch(change, { userEvent: "input.paste", scrollIntoView: true });
  return true;
}

/** More than a section holds would never be saved. */
function isTooMuch(event, text) {
  if (new TextEncoder().encode(text).length <= MOST_BYTES) return false;
  event.preventDefault();
  toast("That is too much text for one section. Nothing was pasted: attach it as a file.", "error");
  return true;
}

/** What is written for what is pasted, as its place wants it; null when that is the plain text. */
function changeOf(state, html, plain) {
  const { from, to } = state.selection.main;
  const isOneLine = to <= state.doc.lineAt(from).to;
  if (isOneLine && isInCell(state, from) && isInCell(state, to)) return state.replaceSelection(linkOnto(state, plain) || inOneCell(plain));
  const isCode = isInCode(state, from) && isInCode(state, to);
  const words = isCode ? "" : linkOnto(state, plain) || markdownOf(html, plain);
  const lines = (words || plain.trimEnd()).split(LINE);
  if (!isCode && (words || lines.length > 1) && BLOCK.test(lines[0])) return wholeOnOwnLine(state, from, to, lines.join("\n"));
  return inLine(state, words, plain);
}

/** In the line: it begins where the caret is, and what follows that goes on after it, if not after a block. */
function inLine(state, words, plain) {
  const { from, to } = state.selection.main;
  const prefix = prefixAt(state, from);
  if (!words && !prefix) return null;
  const within = (text) => text.replaceAll(LINE, `\n${prefix}`);
  const insert = within(words || plain);
  const rest = state.sliceDoc(to, state.doc.lineAt(to).to);
  const isApart = rest.trim() && insert.includes("\n") && BLOCK.test(words.split(LINE).at(-1));
  if (!isApart) return state.replaceSelection(insert);
  const spaces = rest.length - rest.trimStart().length;
  return { changes: { from, to: to + spaces, insert: insert + within("\n\n") }, selection: { anchor: from + insert.length } };
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
  const isLinked = linkAround(state, from, to) || ADDRESS.test(text.trim());
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
