import { icon, make } from "../dom.js";

const ICONS = { success: "circle-check", warning: "triangle-alert", error: "circle-alert", info: "info" };
const STAYS_MS = 6000;
const UNDO_STAYS_MS = 10_000;
const MOST = 4;
const REASONS = {
  400: "Debrief did not understand that. Nothing was changed.",
  403: "That was refused: you may no longer do this, or the page is out of date. Reload it and try again.",
  404: "That is not there any more. Reload the page to see what is.",
  405: "That is not possible here. Nothing was changed.",
  413: "That is too large to send. Nothing was changed.",
  429: "Too many requests in a short time. Wait a minute and try again.",
};

/** Messages in the corner: Django's, those of `debrief:toast`, and one for every request that failed. */
class ToastRegion extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    for (const item of this.querySelectorAll(".toast-item")) this.start(item, item.dataset.tone);
    document.addEventListener("debrief:toast", (event) => this.show(event.detail.text, event.detail.tone), { signal });
    document.addEventListener("htmx:response:error", (event) => this.explain(event.detail.ctx), { signal });
    document.addEventListener("htmx:error", (event) => this.explainSilence(event.detail), { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  show(text, tone = "info") {
    for (const same of this.querySelectorAll(".toast-item")) if (same.dataset.text === text) same.remove();
    while (this.children.length >= MOST) this.firstElementChild.remove();
    const item = make("div", { class: `toast-item toast-${tone}`, "data-text": text }, make("p", {}, text));
    this.append(item);
    this.start(item, tone);
  }

  start(item, tone) {
    item.prepend(icon(ICONS[tone] ?? "info"));
    const close = make("button", { class: "btn btn-ghost btn-xs btn-square", type: "button", "aria-label": "Close" });
    close.append(icon("x"));
    close.addEventListener("click", () => item.remove());
    item.append(close);
    if (tone !== "error") this.leaveLater(item);
  }

  /** Not while someone is reading it: with the pointer over it or the focus in it. */
  leaveLater(item) {
    const stays = item.querySelector("form") ? UNDO_STAYS_MS : STAYS_MS;
    let timer;
    const wait = () => {
      clearTimeout(timer);
      if (!item.matches(":hover, :focus-within")) timer = setTimeout(() => item.remove(), stays);
    };
    for (const name of ["pointerenter", "focusin"]) item.addEventListener(name, () => clearTimeout(timer));
    for (const name of ["pointerleave", "focusout"]) item.addEventListener(name, () => setTimeout(wait));
    wait();
  }

  explain({ response, sourceElement }) {
    const { status } = response;
    if (status >= 500 && looksUpByItself(sourceElement)) return;
    if (status === 401 || status === 409 || status === 422) return;
    const reference = response.headers.get("X-Request-ID");
    const fault = `Debrief could not do that, and nothing was changed. Try again; if it goes on, tell an administrator${
      reference ? ` this reference: ${reference}` : ""
    }.`;
    this.show(REASONS[status] ?? fault, "error");
  }

  explainSilence({ ctx, error }) {
    if (ctx && !ctx.response && looksUpByItself(ctx.sourceElement)) return;
    if (!ctx || ctx.response) {
      this.show("This page could not be updated. Reload it.", "error");
      throw error;
    }
    this.show("Debrief cannot be reached. What you wrote is still on this page: try again in a moment.", "error");
  }
}

/** Nobody asked for it, and it is looked up again later. */
const looksUpByItself = (element) => element?.matches("[data-quiet]");

customElements.define("toast-region", ToastRegion);
