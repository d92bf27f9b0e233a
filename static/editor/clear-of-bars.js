import { EditorView } from "@codemirror/view";

/** What stays in its place while the page scrolls, and lies over its end. */
const OVER_THE_END = ".rail, .comments-panel";
const MARGIN = 5;

/**
 * What is scrolled to comes out from under the bars: it is the page that scrolls, which CodeMirror's own margins, being
 * those of the editor, know nothing of.
 */
export const clearOfBars = EditorView.scrollHandler.of((view, { head }) => {
  view.requestMeasure({
    key: clearOfBars,
    read: () => hiddenOf(view, view.coordsAtPos(head)),
    write: (hidden) => hidden && window.scrollBy(0, hidden),
  });
  return false;
});

/** How far the page has to go on until this is seen; back, if that is negative. */
function hiddenOf({ dom }, place) {
  if (!place) return 0;
  const bar = document.querySelector(".live-bar");
  const panels = dom.querySelector(".cm-panels-top")?.offsetHeight ?? 0;
  const top = (bar ? parseFloat(getComputedStyle(bar).top) + bar.offsetHeight : 0) + panels + MARGIN;
  const bottom = Math.min(...[...document.querySelectorAll(OVER_THE_END)].map(topOf), window.visualViewport.height) - MARGIN;
  if (place.top < top) return place.top - top;
  return Math.max(0, place.bottom - bottom);
}

function topOf(element) {
  const { position, display } = getComputedStyle(element);
  return position === "fixed" && display !== "none" ? element.getBoundingClientRect().top : Infinity;
}
