const INCIDENT = ["facts", "timeline", "impact", "communications"];

/** Fetches anew what somebody else changed beside the text. What a person is busy with is left alone until they are done. */
export class Blocks {
  constructor(root) {
    this.root = root;
    this.stale = new Set();
    this.fetching = new Set();
    this.onFocusOut = () => setTimeout(() => this.catchUp(), 150);
    root.addEventListener("focusout", this.onFocusOut);
  }

  destroy() {
    this.root.removeEventListener("focusout", this.onFocusOut);
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
      if (block && (isBusy(block) || this.fetching.has(id))) continue;
      this.stale.delete(id);
      if (block) this.fetchAnew(block);
    }
  }

  /** One request at a time for a block: what changes meanwhile is fetched after it. */
  async fetchAnew(block) {
    const { id, dataset } = block;
    const { refreshUrl, refreshSwap } = dataset;
    this.fetching.add(id);
    try {
      await window.htmx.ajax("GET", refreshUrl, { source: block, target: block, swap: refreshSwap ?? "outerHTML" });
    } finally {
      this.fetching.delete(id);
      this.catchUp();
    }
  }
}

/** Somebody types here, or has a form open. */
function isBusy(block) {
  const active = document.activeElement;
  if (block.contains(active) && active.matches("input, textarea, select, [contenteditable=true]")) return true;
  return [...block.querySelectorAll("textarea, input[type=text]")].some((field) => field.value !== field.defaultValue);
}
