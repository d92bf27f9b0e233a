const STEPS = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const between = (value) => Math.min(3, Math.max(1, value));
const isMoved = (form) => [form.impact, form.effort].some((select) => !select.selectedOptions[0].defaultSelected);
/** The form whose answer is awaited, and where items shall go after it, by id. The answer draws the matrix anew; this stays. */
const moves = { awaited: null, wanted: new Map() };

/**
 * Actions by impact and effort. They are dragged, or moved by arrow keys; each move is the submission
 * of the item's own form, which is what there is without a script. A move names the revision it starts
 * from, so moves go one after the other: of those made meanwhile, the last of each item.
 */
class ActionMatrix extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    for (const form of this.querySelectorAll(".matrix-item form")) {
      form.querySelector("button").hidden = true;
      form.addEventListener("change", () => this.send(form), { signal });
    }
    document.addEventListener("htmx:finally:request", ({ detail }) => this.answered(detail.ctx), { signal });
    for (const name of ["dragstart", "dragover", "dragleave", "drop", "dragend", "keydown"]) {
      this.addEventListener(name, (event) => this[name](event), { signal });
    }
    for (const [id, place] of moves.wanted) this.show(this.querySelector(`#${id} form`), ...place);
    if (this.dataset.moved) this.querySelector(`#matrix-item-${this.dataset.moved}`)?.focus();
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  dragstart(event) {
    this.held = event.target.closest?.(".matrix-item");
    if (!this.held) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", this.held.getAttribute("aria-label"));
  }

  dragover(event) {
    const place = event.target.closest("[data-impact]");
    if (!this.held || !place) return;
    event.preventDefault();
    place.classList.add("is-over");
  }

  dragleave(event) {
    event.target.closest?.("[data-impact]")?.classList.remove("is-over");
  }

  drop(event) {
    const place = event.target.closest("[data-impact]");
    if (!this.held || !place) return;
    event.preventDefault();
    this.place(this.held, place.dataset.impact, place.dataset.effort);
  }

  dragend() {
    this.held = null;
    for (const place of this.querySelectorAll(".is-over")) place.classList.remove("is-over");
  }

  keydown(event) {
    const item = event.target;
    if (!item.matches(".matrix-item")) return;
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const [impact, effort] = ["impact", "effort"].map((name) => Number(item.querySelector(`[name=${name}]`).value) || 2);
    this.place(item, String(between(impact + step[0])), String(between(effort + step[1])));
  }

  place(item, impact, effort) {
    const form = item.querySelector("form");
    if (form.impact.value === impact && form.effort.value === effort) return;
    this.show(form, impact, effort);
    this.send(form);
  }

  show(form, impact, effort) {
    if (form) [form.impact.value, form.effort.value] = [impact, effort];
  }

  send(form) {
    if (moves.awaited) return moves.wanted.set(form.closest(".matrix-item").id, [form.impact.value, form.effort.value]);
    moves.awaited = form;
    form.requestSubmit();
  }

  answered(ctx) {
    const form = moves.awaited;
    if (!form || ctx?.sourceEvent?.target !== form) return;
    moves.awaited = null;
    const isRefused = form.isConnected || this.querySelector(".conflict");
    if (isRefused) this.forget();
    else this.sendNext();
  }

  /** Where things stand is what the page was told last: a problem is read before anything else moves. */
  forget() {
    moves.wanted.clear();
    for (const form of this.querySelectorAll(".matrix-item form")) form.reset();
  }

  sendNext() {
    for (const id of moves.wanted.keys()) {
      moves.wanted.delete(id);
      const form = this.querySelector(`#${id} form`);
      if (form && isMoved(form)) return this.send(form);
    }
  }
}

customElements.define("action-matrix", ActionMatrix);
