const MOVES = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "in", ArrowLeft: "out" };

/** A branch of whys by keyboard: arrows go from why to why, with Alt they move it; Enter, B, S, C and Delete are its buttons. */
class WhyTree extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.addEventListener("keydown", (event) => this.pressed(event), { signal: this.stop.signal });
    const changed = document.getElementById(this.dataset.changed ?? "");
    if (changed) requestAnimationFrame(() => document.activeElement?.matches("body, .why, .branch") && changed.focus());
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  pressed(event) {
    const why = event.target;
    if (!why.matches?.(".why") || event.ctrlKey || event.metaKey) return;
    if (this.answer(why, event)) event.preventDefault();
  }

  /** True if the key means something here. */
  answer(why, { key, altKey }) {
    if (altKey) {
      const button = why.querySelector(`button[value="${MOVES[key] ?? ""}"]`);
      if (button && !button.disabled) button.form.requestSubmit(button);
      return Boolean(button);
    }
    if (key === "ArrowUp" || key === "ArrowDown") {
      const whys = [...this.querySelectorAll(".why")];
      whys[whys.indexOf(why) + (key === "ArrowUp" ? -1 : 1)]?.focus();
      return true;
    }
    const wanted = why.querySelector(`[data-key="${CSS.escape(key.toLowerCase())}"]`);
    if (wanted instanceof HTMLFormElement) wanted.requestSubmit();
    else wanted?.click();
    return wanted !== null;
  }
}

customElements.define("why-tree", WhyTree);
