const SAYS_MORE =
  "a[href], b, strong, i, em, del, s, strike, h1, h2, h3, h4, h5, h6, ul, ol, table, pre, code, blockquote, input[type=checkbox]";
const PLAIN_WEIGHT = /^(?:normal|[1-4]00)$/;
const BOLD_WEIGHT = /^(?:bold|bolder|[6-9]00)$/;
const BLOCKS = "p, div, ul, ol, li, h1, h2, h3, h4, h5, h6, blockquote, pre, hr, br, section, article, dl, dt, dd";
const SIDES = new Set(["left", "center", "right"]);
const SIGN = /^\s*([·•o§▪–-]|\w{1,4}[.)])\s+/;
const NUMBER = /^\(?\w+[.)]$/;
const ALREADY_BOLD = "h1, h2, h3, h4, h5, h6, th";

/**
 * Makes the HTML of others say by its elements what it shows, as far as Markdown can say it. Answers whether it says more
 * than its text alone.
 */
export function tidy(body) {
  const isFromGoogleDocs = body.querySelector("[id^=docs-internal-guid]") !== null;
  for (const image of body.querySelectorAll("li[role=checkbox] > img")) image.remove();
  for (const image of body.querySelectorAll("img")) image.replaceWith(image.alt ?? "");
  body.querySelectorAll("div[data-style*=pre]").forEach(codeToElement);
  if (isFromGoogleDocs) stylesToElements(body);
  unwrapUnmarked(body);
  if (isFromGoogleDocs) body.querySelectorAll(":scope > br").forEach((between) => between.remove());
  listsOfWord(body);
  body.querySelectorAll("pre").forEach(tidyCode);
  body.querySelectorAll("ul > ul, ul > ol, ol > ul, ol > ol").forEach(nest);
  body.querySelectorAll("li").forEach(tidyItem);
  body.querySelectorAll("table").forEach(tidyTable);
  return body.querySelector(isFromGoogleDocs ? `${SAYS_MORE}, p + p` : SAYS_MORE) !== null;
}

const styleOf = (element, name) =>
  new RegExp(`(?:^|;)\\s*${name}\\s*:\\s*([^;]+)`, "i").exec(element.dataset.style ?? "")?.[1].trim().toLowerCase() ?? "";

function stylesToElements(body) {
  for (const span of body.querySelectorAll("span[data-style]")) {
    const isDone = span.closest("[aria-checked=true]");
    if (styleOf(span, "text-decoration").includes("line-through") && !isDone) wrapIn("del", span);
    if (styleOf(span, "font-style") === "italic") wrapIn("em", span);
    if (BOLD_WEIGHT.test(styleOf(span, "font-weight")) && !span.closest(ALREADY_BOLD)) wrapIn("strong", span);
    span.replaceWith(...span.childNodes);
  }
  for (const name of ["strong", "em", "del"]) body.querySelectorAll(`${name} + ${name}`).forEach(joinToPrevious);
}

function wrapIn(name, span) {
  const element = span.ownerDocument.createElement(name);
  element.append(...span.childNodes);
  span.append(element);
}

function joinToPrevious(element) {
  const { previousSibling } = element;
  if (previousSibling?.nodeName !== element.nodeName) return;
  previousSibling.append(...element.childNodes);
  element.remove();
}

/** `<b style="font-weight:normal">`, which Google Docs puts around everything. */
function unwrapUnmarked(body) {
  for (const element of body.querySelectorAll("b[data-style], strong[data-style]")) {
    if (PLAIN_WEIGHT.test(styleOf(element, "font-weight"))) element.replaceWith(...element.childNodes);
  }
  for (const element of body.querySelectorAll("i[data-style], em[data-style]")) {
    if (styleOf(element, "font-style") === "normal") element.replaceWith(...element.childNodes);
  }
}

/** `<div style="font-family: monospace; white-space: pre">`, which VS Code puts around what is copied. */
function codeToElement(block) {
  if (styleOf(block, "white-space") !== "pre" || !block.isConnected) return;
  const pre = block.ownerDocument.createElement("pre");
  pre.append(...block.childNodes);
  block.replaceWith(pre);
}

/** Code as `<pre><code>`, whatever its lines are made of. */
function tidyCode(pre) {
  for (const end of pre.querySelectorAll("br")) end.replaceWith("\n");
  for (const line of pre.querySelectorAll("div, p, li, tr")) if (!line.textContent.endsWith("\n")) line.append("\n");
  const code = pre.ownerDocument.createElement("code");
  code.className = pre.querySelector("code")?.className ?? "";
  code.textContent = pre.textContent.replace(/\n+$/, "");
  pre.replaceChildren(code);
}

/** Word's items are paragraphs that say their level, and begin with the sign or the number that Word drew. */
function listsOfWord(body) {
  let open = [];
  for (const paragraph of body.querySelectorAll("p[class*=MsoListParagraph], p[data-style*=mso-list]")) {
    if (paragraph.previousElementSibling !== open[0]) open = [];
    const sign = takeSign(paragraph);
    if (!sign) continue;
    const level = Number(/\blevel(\d)/.exec(styleOf(paragraph, "mso-list"))?.[1] ?? 1);
    open = listsTo(Math.min(level, open.length + 1), NUMBER.test(sign) ? "ol" : "ul", open, paragraph);
    const item = body.ownerDocument.createElement("li");
    item.append(...paragraph.childNodes);
    open.at(-1).append(item);
    paragraph.remove();
  }
}

function takeSign(paragraph) {
  const drawn = [...paragraph.querySelectorAll("span[data-style*=mso-list]")].find((span) => styleOf(span, "mso-list") === "ignore");
  drawn?.remove();
  if (drawn) return drawn.textContent.trim();
  const text = paragraph.ownerDocument.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT).nextNode();
  const [begin, sign] = SIGN.exec(text?.data ?? "") ?? [];
  if (sign) text.data = text.data.slice(begin.length);
  return sign;
}

/** The lists around an item of this depth, outermost first; the last is new if it has to be. */
function listsTo(depth, name, open, paragraph) {
  const kept = open.slice(0, depth);
  if (kept[depth - 1]?.localName === name) return kept;
  const list = paragraph.ownerDocument.createElement(name);
  if (depth > 1) kept[depth - 2].lastElementChild.append(list);
  else paragraph.before(list);
  return [...kept.slice(0, depth - 1), list];
}

/** A list right in a list belongs to the item before it. */
function nest(list) {
  if (list.previousElementSibling?.matches("li")) list.previousElementSibling.append(list);
}

function tidyItem(item) {
  const paragraphs = item.querySelectorAll(":scope > p");
  if (paragraphs.length === 1) paragraphs[0].replaceWith(...paragraphs[0].childNodes);
  if (item.getAttribute("role") === "checkbox") item.prepend(boxFor(item));
  const text = item.querySelector(":scope > input, :scope > label > input")?.nextSibling;
  if (text?.nodeType === Node.TEXT_NODE) text.data = text.data.trimStart();
}

function boxFor(item) {
  const box = item.ownerDocument.createElement("input");
  box.type = "checkbox";
  box.checked = item.getAttribute("aria-checked") === "true";
  return box;
}

/** A first row that is the heading, as many cells in every row, one line in every cell: all that Markdown can say. */
function tidyTable(table) {
  const grid = gridOf(table);
  const width = Math.max(0, ...grid.map((cells) => cells.length));
  if (table.querySelector("table") || width * grid.length < 2) return;
  const rows = grid.map((cells, index) => rowOf(table, cells, width, index ? "td" : "th"));
  const [head, rest] = ["thead", "tbody"].map((name) => table.ownerDocument.createElement(name));
  head.append(rows[0]);
  rest.append(...rows.slice(1));
  table.replaceChildren(...[table.caption, head, rest].filter(Boolean));
}

/** The cells by row and column; one that spans several stands in the first of them. */
function gridOf({ rows }) {
  const grid = [...rows].map(() => []);
  [...rows].forEach(({ cells }, y) => {
    for (const cell of cells) {
      const free = grid[y].findIndex((taken) => taken === undefined);
      const x = free < 0 ? grid[y].length : free;
      for (const line of grid.slice(y, y + Math.max(1, cell.rowSpan))) {
        for (let at = x; at < x + cell.colSpan; at += 1) line[at] = line === grid[y] && at === x ? cell : null;
      }
    }
  });
  return grid.filter((cells) => cells.length);
}

function rowOf({ ownerDocument }, cells, width, name) {
  const row = ownerDocument.createElement("tr");
  for (let at = 0; at < width; at += 1) {
    const cell = ownerDocument.createElement(name);
    if (cells[at]) fill(cell, cells[at]);
    row.append(cell);
  }
  return row;
}

function fill(cell, from) {
  cell.append(...inOneLine(from).childNodes);
  const side = from.getAttribute("align") || styleOf(from, "text-align");
  if (SIDES.has(side)) cell.setAttribute("align", side);
}

function inOneLine(cell) {
  for (const item of cell.querySelectorAll("li")) item.prepend("• ");
  for (const block of cell.querySelectorAll(BLOCKS)) block.replaceWith(" ", ...block.childNodes, " ");
  return cell;
}
