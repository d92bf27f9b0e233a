import { autocompletion } from "@codemirror/autocomplete";

import { AT, peopleLike } from "../js/mentions.js";
import { onOwnLine } from "./own-line.js";
import { CODE_SPAN, isInCell, isInCode } from "./places.js";

const ESCAPED_OR_CODE = new RegExp(`\\\\\`|${CODE_SPAN}`, "g");
const SLASH = /(?:^|\s)\/[^\s/]*$/;

const FORMATS = [
  ["Heading", "### "],
  ["Bulleted list", "- "],
  ["Numbered list", "1. "],
  ["Checklist", "- [ ] "],
  ["Quote", "> "],
  ["Code block", "```\n\n```", 4],
  ["Table", "| What | When |\n| --- | --- |\n|  |  |", 2],
];

/** The slash menu, and `@` for people. */
export function completions(references, peopleUrl) {
  return autocompletion({
    // one source: while a second one is asked, Enter would not take what is shown
    override: [(context) => inserted(context, references) ?? mentioned(context, peopleUrl, references)],
    icons: false,
    maxRenderedOptions: 60,
    activateOnTyping: true,
  });
}

function start(context, pattern) {
  const found = context.matchBefore(pattern);
  if (!found || isCode(context.state, context.pos) || isBeforeWord(context.state, context.pos)) return null;
  return found.from + found.text.search(/\S/);
}

const isBeforeWord = (state, at) => /^[\p{L}\p{N}/_]/u.test(state.sliceDoc(at, at + 2));

/** In code, or after the mark that begins code within a line. */
function isCode(state, at) {
  const line = state.doc.lineAt(at);
  const outside = state.sliceDoc(line.from, at).replaceAll(ESCAPED_OR_CODE, "");
  return outside.includes("`") || isInCode(state, at);
}

function inserted(context, references) {
  const from = start(context, SLASH);
  return from === null ? null : insertable(context, from + 1, references);
}

/** What has a word that begins with what is typed, commands first; null when there is nothing. */
function insertable({ state, pos }, from, references) {
  const typed = state.sliceDoc(from, pos);
  if (/[\s/]/.test(typed)) return null;
  const begins = new RegExp(`(?<![\\p{L}\\p{N}])${typed.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&")}`, "iu");
  const found = ({ label }) => label.search(begins);
  const options = [...data(references), ...(isInCell(state, pos) ? [] : formats(typed))].filter((each) => found(each) >= 0);
  const getMatch = (each) => [found(each), found(each) + typed.length];
  const update = (_result, mapped, _to, context) => insertable(context, mapped, references);
  return options.length ? { from, options, filter: false, getMatch, update } : null;
}

const data = ({ groups }) =>
  groups.flatMap(({ label, choices }, rank) =>
    choices.map((choice) => ({ ...option(nameOf(choice), choice.markdown ?? `{{${choice.key}}}`, { name: label, rank }), ...detailOf(choice) })),
  );

const formats = (typed) => FORMATS.map(([label, words, caret]) => block(label, words, { name: "Text", rank: typed ? -1 : 99 }, caret));

/** Plain facts go by their name, with their value beside it; everything else is known by what it says. */
const isFact = ({ key, markdown }) => !markdown && !key.includes(":");
const nameOf = (choice) => (isFact(choice) ? choice.key.replaceAll("-", " ") : choice.label);
const detailOf = (choice) => (isFact(choice) ? { detail: choice.label } : {});

/** The sign that opened the menu is replaced too. */
function option(label, words, section) {
  const apply = (view, _completion, from, to) =>
    view.dispatch({
      changes: { from: from - 1, to, insert: words },
      selection: { anchor: from - 1 + words.length },
      userEvent: "input.complete",
    });
  return { label, section, apply };
}

function block(label, words, section, caret = words.length) {
  const apply = (view, _completion, from, to) =>
    view.dispatch({ ...onOwnLine(view.state, from - 1, to, words, caret), userEvent: "input.complete", scrollIntoView: true });
  return { label, section, apply };
}

async function mentioned(context, url, references) {
  const from = start(context, AT);
  if (from === null) return null;
  const typed = context.state.sliceDoc(from + 1, context.pos);
  const people = await peopleLike(typed, url);
  if (!people || context.aborted) return null;
  for (const { id, name } of people) references.know(`person:${id}`, name);
  const options = people.map(({ id, name, note }) => ({ ...option(name, `{{person:${id}}}`), detail: note }));
  return { from: from + 1, options, filter: false };
}
