import { isAboutItself, isChanged } from "../js/dom.js";

const FIELDS = "textarea, select, input:not([type=hidden])";
/** Nobody looks at it now: it is fetched when somebody does. */
const ASIDE = "[data-step][hidden]";
const EACH_MS = 30;
const LONGEST_WAIT_MS = 700;
const INCIDENT = ["facts", "timeline", "impact", "communications"];

/** Fetches anew what somebody else changed beside the text. What a person is busy with is left alone until they are done. */
export class Blocks {
  /** `countOthers`: how many pages will ask at the same moment. */
  constructor(root, countOthers) {
    this.root = root;
    this.countOthers = countOthers;
    this.stale = new Set();
    this.fetching = new Set();
    this.stop = new AbortController();
    const { signal } = this.stop;
    const soon = () => setTimeout(() => this.catchUp(), 150);
    for (const name of ["focusout", "debrief:shown"]) root.addEventListener(name, soon, { signal });
    document.addEventListener("pointerup", soon, { signal });
    document.addEventListener("htmx:after:request", (event) => this.answered(event), { signal });
  }

  destroy() {
    this.stop.abort();
  }

  changed(part) {
    const kinds = part === "incident" ? INCIDENT : [part];
    for (const kind of kinds) this.mark(`[data-refresh-on~="${CSS.escape(kind)}"]`);
  }

  /** The connection was gone: whatever was said meanwhile was not heard. */
  missedSome() {
    this.mark("[data-refresh-on]");
  }

  mark(selector) {
    for (const block of document.querySelectorAll(selector)) this.stale.add(block.id);
    this.catchUp();
  }

  catchUp() {
    for (const id of [...this.stale]) {
      const block = document.getElementById(id);
      if (block && (isBusy(block) || this.fetching.has(id) || block.closest(ASIDE))) continue;
      this.stale.delete(id);
      if (block) this.fetchAnew(block);
    }
  }

  /** One request at a time for a block: what changes meanwhile is fetched after it. Many pages do not ask at once. */
  async fetchAnew({ id }) {
    this.fetching.add(id);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(LONGEST_WAIT_MS, EACH_MS * this.countOthers())));
    try {
      const block = document.getElementById(id);
      if (!block?.dataset.refreshUrl) return; // it is gone, or what stands for it until it is loaded
      if (isBusy(block)) this.stale.add(id);
      else await this.swap(block);
    } finally {
      this.fetching.delete(id);
      this.catchUp();
    }
  }

  /**
   * Replaced while it asked, a block asks again: its answer may be older than what stands there now, or newer. So it does
   * when something in it is pressed just now: a button that is swapped before it is let go misses the click.
   */
  answered(event) {
    const { target } = event.detail.ctx;
    if (!isAboutItself(event.detail.ctx) || !target.dataset.refreshUrl) return;
    if (target.isConnected && !target.matches(":active")) return;
    this.stale.add(target.id);
    event.preventDefault();
  }

  swap(block) {
    const { refreshUrl, refreshSwap } = block.dataset;
    return window.htmx.ajax("GET", refreshUrl, { source: block, target: block, swap: refreshSwap ?? "outerHTML" });
  }
}

/** Somebody presses or types here, or has a form open; one with `data-draft` outlives a swap. */
function isBusy(block) {
  if (block.matches(":active")) return true;
  const active = document.activeElement;
  if (block.contains(active) && active.matches("input, textarea, select, [contenteditable=true]")) return true;
  return [...block.querySelectorAll(FIELDS)].some((field) => isChanged(field) && !field.closest("form[data-draft]"));
}
