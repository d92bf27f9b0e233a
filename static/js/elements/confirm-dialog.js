/**
 * Asks before a deed: `hx-confirm` on an htmx element, `data-confirm` on a plain form. What was asked is done even where
 * its part of the page was drawn anew while the question stood open.
 */
class ConfirmDialog extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.dialog = this.querySelector("dialog");
    document.addEventListener("htmx:confirm", (event) => this.askForHtmx(event), { signal });
    document.addEventListener("submit", (event) => this.askForForm(event), { signal, capture: true });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  askForHtmx(event) {
    const { ctx, issueRequest, dropRequest } = event.detail;
    if (!ctx.confirm) return;
    event.preventDefault();
    const asker = ctx.sourceEvent?.submitter ?? ctx.sourceElement;
    const issue = () => {
      if (!ctx.target.isConnected) ctx.target = document.getElementById(ctx.target.id) ?? ctx.target;
      issueRequest();
    };
    this.ask(ctx.confirm, asker, issue, dropRequest);
  }

  askForForm(event) {
    const form = event.target;
    if (!form.dataset.confirm || form === this.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.ask(form.dataset.confirm, event.submitter, () => {
      if (!form.isConnected) {
        form.hidden = true;
        document.body.append(form);
      }
      this.confirmed = form;
      form.requestSubmit(event.submitter);
      this.confirmed = null;
    });
  }

  ask(question, asker, yes, no = () => {}) {
    const [title, button] = [this.querySelector("h2"), this.querySelector("[value=yes]")];
    title.textContent = question;
    const deed = asker?.matches("button, a") ? asker.textContent.trim() : "";
    button.textContent = deed && deed.length < 24 ? deed : "Yes";
    button.classList.toggle("btn-error", /^(delete|remove|end|withdraw)/i.test(question));
    this.dialog.returnValue = "";
    this.dialog.addEventListener("close", () => (this.dialog.returnValue === "yes" ? yes() : no()), { once: true });
    this.dialog.showModal();
  }
}

customElements.define("confirm-dialog", ConfirmDialog);
