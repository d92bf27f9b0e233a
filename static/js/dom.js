/** Make an element: `make("button", {type: "button"}, "Close")`. Text is text, never markup. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** An icon of the sprite. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.documentElement.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** Show a message in the corner; tone is "success", "info", "warning" or "error". */
export function toast(text, tone = "info") {
  document.dispatchEvent(new CustomEvent("debrief:toast", { detail: { text, tone } }));
}

/** Set a cookie for a year on every page; an empty value removes it. */
export function setCookie(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = value ? 31536000 : 0;
  document.cookie = `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
}

/** Is this a field a person types text into? Single-key shortcuts stay silent there. */
export function isTyping(target) {
  return target instanceof Element && target.matches("input, textarea, select, [contenteditable]");
}

/** Does this request of htmx only ask how what it is for looks now? */
export const isAboutItself = ({ target, sourceElement, request }) => target === sourceElement && request.method === "GET";

/** Does a field say something else than when it came? */
export function isChanged(field) {
  if (field.matches("select")) return isChosen(field);
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

/** Where nothing is chosen by the page, a browser shows the first. */
function isChosen({ options, multiple, selectedIndex }) {
  const all = [...options];
  if (multiple || all.some((option) => option.defaultSelected)) return all.some((option) => option.selected !== option.defaultSelected);
  return selectedIndex > 0;
}
