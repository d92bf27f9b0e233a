const STUCK_MS = 8000;

/** A second click while the first is under way does nothing, for plain forms and for htmx. */
class SubmitOnce extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.busy = new Set();
    document.addEventListener("submit", (event) => this.submit(event), { signal });
    document.addEventListener("htmx:before:request", (event) => this.request(event), { signal });
    document.addEventListener("htmx:finally:request", (event) => this.free(event.detail.ctx), { signal });
    window.addEventListener("pageshow", () => this.busy.clear(), { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  submit(event) {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (this.busy.has(form)) return event.preventDefault();
    this.busy.add(form);
    setTimeout(() => this.busy.delete(form), STUCK_MS);
  }

  request(event) {
    const { ctx } = event.detail;
    if (ctx.request.method === "GET") return;
    if (this.busy.has(ctx.sourceElement)) return event.preventDefault();
    this.busy.add(ctx.sourceElement);
    ctx.isHeldOnce = true;
    ctx.sourceElement.setAttribute("aria-busy", "true");
  }

  free(ctx) {
    if (!ctx?.isHeldOnce) return;
    this.busy.delete(ctx.sourceElement);
    ctx.sourceElement.removeAttribute("aria-busy");
  }
}

customElements.define("submit-once", SubmitOnce);
