import { isAboutItself, isChanged, make } from "../dom.js";

const FIELDS = "textarea, input[type=text]";

/**
 * A swap around a form that somebody is writing in leaves what is typed, the form open, and the caret in it. It is so for
 * forms with `data-draft` and an id; the form that was sent is replaced like anything else.
 */
class SwapDrafts extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.addEventListener("htmx:after:request", (event) => this.aim(event.detail.ctx), { signal });
    document.addEventListener("htmx:before:swap", (event) => this.take(event.detail.ctx), { signal });
    document.addEventListener("htmx:finally:swap", (event) => this.putBack(event.detail.ctx), { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  /** A swap meanwhile has replaced what the answer is for: it goes where that stands now. What only asked how it is does not. */
  aim(ctx) {
    if (ctx.target?.isConnected === false && ctx.target.id && !isAboutItself(ctx)) ctx.target = document.getElementById(ctx.target.id) ?? ctx.target;
  }

  /** Taken out before the swap, they go on as they are; a stand-in keeps their place, should nothing replace it. */
  take(ctx) {
    if (!(ctx.target instanceof Element) || !/^(inner|outer)HTML/.test(ctx.swap)) return;
    ctx.drafts = [];
    for (const form of ctx.target.querySelectorAll("form[data-draft]")) {
      const isOpen = form.closest("details:not([open])") === null;
      if (form.contains(ctx.sourceElement) || !(isOpen || isTypedIn(form))) continue;
      const field = form.contains(document.activeElement) ? document.activeElement : null;
      ctx.drafts.push({ form, isOpen, field, from: field?.selectionStart, to: field?.selectionEnd });
      form.replaceWith(make("div", { id: form.id }));
    }
  }

  putBack({ drafts = [] }) {
    for (const { form, isOpen, field, from, to } of drafts) {
      document.getElementById(form.id)?.replaceWith(form);
      for (let around = form.closest("details"); isOpen && around; around = around.parentElement.closest("details")) around.open = true;
      field?.focus({ preventScroll: true });
      if (typeof from === "number") field.setSelectionRange(from, to);
    }
  }
}

const isTypedIn = (form) => [...form.querySelectorAll(FIELDS)].some(isChanged);

customElements.define("swap-drafts", SwapDrafts);
