import { renewCsrfToken } from "../csrf.js";
import { removeAllDrafts } from "../drafts.js";
import { removeLocalCopies } from "../local-copies.js";

/** When the session has ended, says so above the page, and lets the same person carry on where they were. */
class SignedOut extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.dialog = this.querySelector("dialog");
    this.problem = this.querySelector("[role=alert]");
    document.addEventListener("debrief:signed-out", () => this.open(), { signal });
    document.addEventListener("submit", (event) => this.signingOut(event), { signal });
    this.querySelector("[value=close]").addEventListener("click", () => this.dialog.close(), { signal });
    this.querySelector("[value=check]").addEventListener("click", () => this.check(), { signal });
    window.addEventListener("focus", () => this.dialog.open && this.check({ isSilent: true }), { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  signingOut(event) {
    if (!event.target.matches("[data-sign-out]") || event.defaultPrevented) return;
    removeAllDrafts();
    removeLocalCopies();
  }

  open() {
    this.problem.hidden = true;
    if (!this.dialog.open) this.dialog.showModal();
  }

  async check({ isSilent = false } = {}) {
    const session = await this.session();
    if (session && String(session.user) === document.documentElement.dataset.user) {
      renewCsrfToken(session.csrf_token);
      this.dialog.close();
    } else if (!isSilent) {
      this.problem.hidden = false;
    }
  }

  async session() {
    try {
      const response = await fetch(this.dataset.url, { headers: { Accept: "application/json" } });
      return response.ok ? await response.json() : null;
    } catch {
      return null;
    }
  }
}

customElements.define("signed-out", SignedOut);
