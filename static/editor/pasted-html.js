const SAYS_MORE =
  "a[href], b, strong, i, em, del, s, strike, h1, h2, h3, h4, h5, h6, ul, ol, table, pre, code, blockquote, input[type=checkbox]";
const PLAIN_WEIGHT = /^(?:normal|[1-4]00)$/;
const BOLD_WEIGHT = /^(?:bold|bolder|[6-9]00)$/;
const BLOCKS = "p, div, ul, ol, li, h1, h2, h3, h4, h5, h6, blockquote, pre, hr, br, section, article, dl, dt, dd";
const SIDES = new Set(["left", "center", "right"]);
const ALREADY_BOLD = "h1, h2, h3, h4, h5, h6, th";

/**
 * Makes the HTML of others say by its elements what it shows, as far as Markdown can say it. Answers whether it says more
 * than its text alone.
 */
export function tidy(body) {
  const isFromGoogleDocs = body.querySelector("[id^=docs-internal-guid]") !== null;
  for (const image of body.querySelectorAll("li[role=checkbox] > img")) image.remove();
  for (const image of body.querySelectorAll("img")) image.replaceWith(image.alt ?? "");
  if (isFromGoogleDocs) stylesToElements(body);
  unwrapUnmarked(body);
  if (isFromGoogleDocs) body.querySelectorAll(":scope > br").forEach((between) => between.remove());
  body.querySelectorAll("ul > ul, ul > ol, ol > ul, ol > ol").forEach(nest);
  body.querySelectorAll("li").forEach(tidyItem);
  body.querySelectorAll("table").forEach(tidyTable);
  return body.querySelector(isFromGoogleDocs ? `${SAYS_MORE}, p + p` : SAYS_MORE) !== null;
}

// The attribute, not the parsed style: that is empty where the policy of the page forbids styles.
const styleOf = (element, name) =>
  new RegExp(`(?:^|;)\\s*${name}\\s*:\\s*([^;]+)`, "i").exec(element.getAttribute("style") ?? "")?.[1].trim().toLowerCase() ?? "";

function stylesToElements(body) {
  for (const span of body.querySelectorAll("span[style]")) {
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
  for (const element of body.querySelectorAll("b[style], strong[style]")) {
    if (PLAIN_WEIGHT.test(styleOf(element, "font-weight"))) element.replaceWith(...element.childNodes);
  }
  for (const element of body.querySelectorAll("i[style], em[style]")) {
    if (styleOf(element, "font-style") === "normal") element.replaceWith(...element.childNodes);
  }
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
