import { csrfToken } from "../js/csrf.js";
import { make } from "../js/dom.js";

const AFTER_MS = 400;
const AGAIN_AFTER_MS = 3000;

/**
 * The section as its readers will see it, made by the server, a moment after the last change. Without a connection it
 * says so, and is drawn when `again()` is called or after a while.
 */
export class Preview {
  constructor(place, url, ytext, isConnected) {
    Object.assign(this, { place, url, ytext, isConnected });
    this.later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.draw(), AFTER_MS);
    };
    this.onError = (event) => this.unreached(event);
  }

  isShown = false;
  isDrawing = false;
  notice = null;

  show(isShown) {
    if (isShown === this.isShown) return;
    if (!isShown) return this.stop();
    this.isShown = true;
    this.place.hidden = false;
    this.ytext.observe(this.later);
    this.place.addEventListener("htmx:error", this.onError);
    this.draw();
  }

  stop() {
    if (!this.isShown) return;
    this.isShown = false;
    this.place.hidden = true;
    clearTimeout(this.timer);
    this.ytext.unobserve(this.later);
    this.place.removeEventListener("htmx:error", this.onError);
  }

  /** There may be a connection again. */
  again() {
    if (this.notice && this.isConnected()) this.draw();
  }

  async draw() {
    const body = this.ytext.toString();
    if (!this.isShown || this.isDrawing || body === this.drawn) return;
    if (!this.isConnected()) return this.wait();
    this.isDrawing = true;
    const headers = { "X-CSRFToken": csrfToken() };
    const target = this.place.lastElementChild;
    await window.htmx.ajax("POST", this.url, { source: this.place, target, swap: "outerHTML", values: { body }, headers });
    this.isDrawing = false;
    if (!target.isConnected) this.succeeded(body);
    if (this.ytext.toString() !== body) this.later();
  }

  succeeded(body) {
    this.drawn = body;
    this.notice?.remove();
    this.notice = null;
  }

  /** Said here, so no message in the corner is needed. An answer that came but cannot be shown is another matter. */
  unreached(event) {
    const { ctx } = event.detail;
    if (!ctx || ctx.response) return;
    event.stopPropagation();
    this.wait();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), AGAIN_AFTER_MS);
  }

  wait() {
    if (this.notice) return;
    const words = "There is no connection. What readers will see is drawn as soon as it is back.";
    this.notice = make("p", { class: "preview-notice", role: "status" }, words);
    this.place.prepend(this.notice);
  }
}
