import { make } from "../dom.js";

const TICK_MS = 500;
const SOON_MS = 250;
const EACH_MS = 200;
const NEARLY_OVER = 0.8;

/**
 * A meeting on one screen. It shows the step the meeting is at, unless its person looks around; the clock is the
 * server's. What is happening stands in the attributes of #meeting-now. News is shown as it comes, and fetched with all
 * that belongs to it a little later, when not every screen asks at once.
 */
class MeetingRoom extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.apart = null;
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
    document.addEventListener("htmx:after:swap", () => this.swapped(), { signal });
    document.addEventListener("debrief:changed", ({ detail }) => detail.part === "meeting" && this.heard(detail), { signal });
    this.addEventListener("focusout", () => this.isStale && this.fetchLater(), { signal });
    this.ticking = setInterval(() => this.tick(), TICK_MS);
    this.follow();
  }

  disconnectedCallback() {
    this.stop.abort();
    clearInterval(this.ticking);
    clearTimeout(this.waiting);
  }

  get now() {
    return this.querySelector("#meeting-now");
  }

  // -- News -----------------------------------------------------------------------------------------------------------

  /** Whoever leads has the answer to what they pressed; everybody else hears of it here. */
  heard({ line, removed, step, event, revision }) {
    const { now } = this;
    if (line) this.showLine(line);
    if (removed) document.getElementById(`capture-${removed}`)?.remove();
    if (step && revision > Number(now.dataset.revision) && !("leads" in now.dataset)) {
      now.dataset.current = step;
      if (event) now.dataset.event = event;
      else delete now.dataset.event;
      this.show();
      this.point(now.dataset.event);
    }
    this.fetchLater();
  }

  /** A line as it is, without its buttons: they come when the stream is fetched. */
  showLine({ id, kind, label, text, by }) {
    const said = make("p", {}, make("span", { class: "capture-kind" }, label), " ", make("span", { class: "capture-text" }, text), " ", make("span", { class: "muted" }, by));
    const present = document.getElementById(`capture-${id}`);
    if (present?.querySelector("form.row-form")) return;
    if (present) return present.querySelector("p").replaceWith(said);
    this.now.querySelector(".meeting-stream ol").prepend(make("li", { class: `capture capture-${kind}`, id: `capture-${id}` }, said));
  }

  fetchLater() {
    this.isStale = true;
    const others = document.querySelectorAll(".here > li").length;
    this.waiting ||= setTimeout(() => this.fetch(), SOON_MS + Math.random() * EACH_MS * others);
  }

  async fetch() {
    this.waiting = 0;
    const { now } = this;
    if (now.contains(document.activeElement) && document.activeElement.matches("input[type=text], textarea")) return;
    this.isStale = false;
    await window.htmx.ajax("GET", now.dataset.refreshUrl, { source: now, target: now, swap: "outerHTML" });
  }

  swapped() {
    const said = this.querySelector("#capture-said");
    if (said && said !== this.said && "captured" in said.dataset) this.emptyLine();
    this.said = said;
    this.follow();
  }

  /** Something changed: the step, the clock, the event, or only a line. */
  follow() {
    const { now } = this;
    if (!now || now === this.seen) return;
    this.seen = now;
    this.seenAt = performance.now();
    if (now.dataset.ended) return this.leave(now.dataset.ended);
    this.show();
    this.point(now.dataset.event);
    this.tick();
  }

  /** Everybody goes on to the minutes; whoever has a line half written keeps it. */
  leave(address) {
    if (!this.querySelector("#capture-line")?.value) location.assign(address);
  }

  emptyLine() {
    const line = this.querySelector("#capture-line");
    line.value = "";
    line.focus();
  }

  show() {
    const { current } = this.now.dataset;
    const shown = this.apart ?? current;
    for (const step of this.querySelectorAll(".meeting-step")) step.hidden = step.dataset.step !== shown;
    this.querySelector(".meeting-apart").hidden = this.apart === null || this.apart === current;
    for (const link of this.querySelectorAll("[data-shows]")) link.classList.toggle("is-shown", link.dataset.shows === shown);
    if (this.shown !== shown) this.dispatchEvent(new CustomEvent("debrief:shown", { bubbles: true }));
    if (this.shown !== shown && this.shown) this.querySelector(".meeting-stage").scrollIntoView({ block: "nearest" });
    this.shown = shown;
  }

  clicked(event) {
    const link = event.target.closest("[data-shows]");
    if (link) {
      event.preventDefault();
      const { shows } = link.dataset;
      this.apart = shows === this.now.dataset.current ? null : shows;
      this.show();
    } else if (event.target.closest("[data-return]")) {
      this.apart = null;
      this.show();
      this.point(this.now.dataset.event);
    }
  }

  // -- The timeline, event by event -----------------------------------------------------------------------------------

  get events() {
    return [...this.querySelectorAll(".meeting-step:not([hidden]) .timeline-event")];
  }

  point(id) {
    for (const each of this.querySelectorAll(".timeline-event.is-pointed")) {
      each.classList.remove("is-pointed");
      each.removeAttribute("aria-current");
    }
    const event = id && this.querySelector(`#event-${CSS.escape(id)}`);
    if (!event) return;
    event.classList.add("is-pointed");
    event.setAttribute("aria-current", "true");
    if (this.pointedAt !== id && this.apart === null) event.scrollIntoView({ block: "center", behavior: "smooth" });
    this.pointedAt = id;
  }

  /** J and K walk the timeline for everybody, for whoever leads. */
  pressed(event) {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable=true], dialog");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !/^[jk]$/.test(event.key)) return;
    const { events, now } = this;
    if (!events.length || !("leads" in now.dataset)) return;
    event.preventDefault();
    const at = events.findIndex((each) => each.id === `event-${now.dataset.event}`);
    const next = events[Math.max(0, Math.min(events.length - 1, at + (event.key === "j" ? 1 : -1)))];
    const address = now.dataset.refreshUrl.replace("/now/", "/point/");
    const values = { event: next.id.replace("event-", "") };
    window.htmx.ajax("POST", address, { source: now, target: now, swap: "outerHTML", values });
  }

  // -- The clock ------------------------------------------------------------------------------------------------------

  tick() {
    const clock = this.now?.querySelector("[data-clock]");
    if (!clock) return;
    const since = "running" in clock.dataset ? (performance.now() - this.seenAt) / 1000 : 0;
    const spent = Number(clock.dataset.spent) + since;
    const meant = Number(clock.dataset.meant);
    const shown = `${Math.floor(spent / 60)}:${String(Math.floor(spent % 60)).padStart(2, "0")}`;
    const place = clock.querySelector("[data-shown]");
    if (place.textContent !== shown) place.textContent = shown;
    clock.classList.toggle("is-nearly", spent > meant * NEARLY_OVER && spent <= meant);
    clock.classList.toggle("is-over", spent > meant);
  }
}

customElements.define("meeting-room", MeetingRoom);
