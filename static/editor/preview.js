import { csrfToken } from "../js/csrf.js";

const AFTER_MS = 400;

/** The section as its readers will see it, made by the server, a moment after the last change. */
export class Preview {
  constructor(place, url, ytext) {
    Object.assign(this, { place, url, ytext });
    this.later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.draw(), AFTER_MS);
    };
  }

  isShown = false;

  show(isShown) {
    if (isShown === this.isShown) return;
    if (!isShown) return this.stop();
    this.isShown = true;
    this.place.hidden = false;
    this.ytext.observe(this.later);
    this.draw();
  }

  stop() {
    if (!this.isShown) return;
    this.isShown = false;
    this.place.hidden = true;
    clearTimeout(this.timer);
    this.ytext.unobserve(this.later);
  }

  async draw() {
    const body = this.ytext.toString();
    if (!this.isShown || body === this.drawn) return;
    this.drawn = body;
    const headers = { "X-CSRFToken": csrfToken() };
    const target = this.place.firstElementChild;
    await window.htmx.ajax("POST", this.url, { source: this.place, target, swap: "outerHTML", values: { body }, headers });
  }
}
