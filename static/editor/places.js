import { ensureSyntaxTree, syntaxTree } from "@codemirror/language";

const PARSES_FOR_MS = 100;
const CODE = new Set(["FencedCode", "CodeBlock", "InlineCode"]);
const LINKS = new Set(["Link", "Image", "Autolink", "URL", "LinkReference"]);
const ROWS = new Set(["TableHeader", "TableRow"]);

/** A pattern of code within a line, its marks being the first group. */
export const CODE_SPAN = "(`+)(?!`).*?(?<!`)\\1(?!`)";

/** What the text up to `at` consists of. */
export const treeTo = (state, at) => ensureSyntaxTree(state, at, PARSES_FOR_MS) ?? syntaxTree(state);

/** The innermost part of the text around `at` that is one of `names`; null when there is none. */
function around(state, at, names) {
  const tree = treeTo(state, at);
  for (const side of [-1, 1]) {
    for (let node = tree.resolveInner(at, side); node; node = node.parent) if (names.has(node.name)) return node;
  }
  return null;
}

/** Would what is typed at `at` be code? */
export function isInCode(state, at) {
  const code = around(state, at, CODE);
  if (!code) return false;
  if (code.name === "CodeBlock") return code.from <= at && at <= code.to;
  const closing = code.lastChild;
  const isClosed = closing?.name === "CodeMark" && closing.from > code.from;
  return code.from < at && (isClosed ? at <= closing.from : at <= code.to);
}

/** What a further line begins with to stay in the quote, or in the code within a list or a quote, that `at` is in. */
export function prefixAt(state, at) {
  const line = state.doc.lineAt(at);
  const before = state.sliceDoc(line.from, at);
  const code = isInCode(state, at) ? around(state, at, CODE) : null;
  if (code?.name === "CodeBlock") return /^[\s>]*/.exec(before)[0];
  if (code?.name === "FencedCode") return state.sliceDoc(state.doc.lineAt(code.from).from, code.from).replaceAll(/[^>\s]/g, " ");
  return /^(?:[ \t]*>[ \t]?)*/.exec(before)[0];
}

/** Is `at` in a cell of a table? */
export function isInCell(state, at) {
  const row = around(state, at, ROWS);
  if (!row) return false;
  const [before, after] = [state.sliceDoc(row.from, at), state.sliceDoc(at, row.to)];
  const isOutside = (!before && after.startsWith("|")) || (!after.trim() && /(?<!\\)\|\s*$/.test(before));
  return at >= row.from && at <= row.to && !isOutside;
}

/** The first link that any of this is part of, or an address that becomes one by itself; null when there is none. */
export function linkAround(state, from, to) {
  let found = null;
  treeTo(state, to).iterate({
    from,
    to,
    enter({ name, from: begin, to: end, node }) {
      const isWritten = name !== "Link" || node.getChild("URL") || node.getChild("LinkLabel");
      if (LINKS.has(name) && isWritten && begin < to && end > from) found ??= node;
    },
  });
  return found;
}
