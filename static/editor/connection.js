import * as Y from "yjs";
import { applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";

import * as messages from "./messages.js";
import { Outbox } from "./outbox.js";
import { PollingLine } from "./polling-line.js";
import { SILENT, SocketLine } from "./socket-line.js";

const PRESENCE_EVERY_MS = 60;
const TICK_MS = 1000;
const PATIENT_MS = [8000, 15_000];
const HURRIED_MS = [1500, 4000];
const LONGEST_PAUSE_MS = 8_000;
const TRIES_BEFORE_POLLING = 2;
const SOCKET_SOON_MS = 5_000;
const SOCKET_AGAIN_MS = 60_000;

const GONE = 1006;

export const CODE = { resync: 4409, forbidden: 4403, badFrame: 4400, notFound: 4404, signedOut: 4401, damaged: 4500 };

// Whoever was let in before is let in again, if only as a reader: the document or their rights changed.
const AT_ONCE = new Set([CODE.resync, CODE.forbidden]);
const AT_ONCE_MS = 50;

/**
 * Keeps one Y.Doc in step with the server: by WebSocket, or by plain HTTP where that is blocked.
 *
 * Says "status" when `state`, `outbox` or `mayWrite` changed, "synced" when the document holds all the server had,
 * "changed" (detail: the part) when something beside the text did, and "lost" (detail: the code) when there is no use
 * in trying on.
 */
export class Connection extends EventTarget {
  /** "connecting", "live", "polling", "offline" or "lost" */
  state = "connecting";
  mayWrite = true;
  isSynced = false;
  outbox = new Outbox();

  constructor(url, doc, awareness) {
    super();
    this.url = url;
    this.doc = doc;
    this.awareness = awareness;
    this.line = null;
    this.failures = 0;
    this.refusals = 0;
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.onUpdate = (update, origin) => origin !== this && this.made(update, origin);
    this.onPresence = (_, origin) => origin !== this && this.tell();
    doc.on("update", this.onUpdate);
    awareness.on("update", this.onPresence);
    window.addEventListener("online", () => this.connect(), { signal });
    window.addEventListener("offline", () => this.drop(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.connect(), { signal });
    this.ticking = setInterval(() => this.tick(), TICK_MS);
    this.connect();
  }

  destroy() {
    this.stop.abort();
    clearInterval(this.ticking);
    clearTimeout(this.retrying);
    this.doc.off("update", this.onUpdate);
    this.awareness.off("update", this.onPresence);
    this.line?.close();
    this.line = null;
  }

  // -- Lines ----------------------------------------------------------------------------------------------------------

  get isUp() {
    return this.state === "live" || this.state === "polling";
  }

  connect() {
    clearTimeout(this.retrying);
    if (this.line || this.state === "lost" || this.stop.signal.aborted) return;
    this.socketAgainAt = Date.now() + SOCKET_SOON_MS;
    const isDoubtful = this.failures >= (this.hadSocket ? 2 : 1) * TRIES_BEFORE_POLLING;
    this.openLine(isDoubtful && this.failures % 2 === 0 ? PollingLine : SocketLine);
  }

  openLine(Line) {
    const line = new Line(this.url, this.doc, {
      opened: () => line === this.line && this.opened(line),
      heard: (list) => line === this.line && this.take(list),
      closed: (code) => line === this.line && this.closed(code),
      presence: () => this.presenceUpdate(),
    });
    this.line = line;
    this.isAnswered = false;
    this.outbox.reset();
    line.open();
  }

  opened(line) {
    this.hasAsked = false;
    if (line instanceof SocketLine) this.hadSocket = true;
    this.heardAt = Date.now();
    line.send(messages.stateVector(Y.encodeStateVector(this.doc)));
    if (this.awareness.getLocalState() !== null) this.tell();
  }

  /** The network is known to be gone, or says nothing any more. */
  drop(code = GONE) {
    const { line } = this;
    this.line = null;
    line?.close();
    this.closed(code);
  }

  closed(code) {
    const wasAnswered = this.isAnswered;
    this.line = null;
    this.isAnswered = false;
    this.outbox.reset();
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.doc.clientID);
    removeAwarenessStates(this.awareness, others, this);
    if (this.isFinal(code)) {
      this.become("lost");
      this.say("lost", code);
      return;
    }
    if (code === CODE.signedOut) this.signedOut();
    if (this.state !== "connecting" || this.failures) this.become("offline");
    this.retrying = setTimeout(() => this.connect(), wasAnswered && AT_ONCE.has(code) ? AT_ONCE_MS : this.pause(code));
  }

  /** Said once: who puts it off wants to read, or to copy, what is here. */
  signedOut() {
    if (!this.isSignedOut) document.dispatchEvent(new CustomEvent("debrief:signed-out"));
    this.isSignedOut = true;
  }

  isFinal(code) {
    if (code === CODE.badFrame) this.refusals += 1;
    return code === CODE.notFound || this.refusals > 2;
  }

  pause(code) {
    this.failures = code === SILENT ? Math.max(TRIES_BEFORE_POLLING, this.failures + 1) : this.failures + 1;
    return Math.min(LONGEST_PAUSE_MS, 250 * 2 ** Math.min(this.failures, 6)) * (0.7 + Math.random() * 0.6);
  }

  tick() {
    const now = Date.now();
    if (this.line && this.isUp) this.listenClosely(now - this.heardAt);
    if (this.outbox.count) this.say("status");
    if (this.state === "polling" && now > this.socketAgainAt) {
      this.socketAgainAt = now + SOCKET_AGAIN_MS;
      SocketLine.isPossible(this.url).then((isPossible) => isPossible && this.state === "polling" && this.changeOver());
    }
  }

  /**
   * A connection may die without a word: ask, the sooner if something waits to be saved. Nothing is given up that was
   * not asked: in a tab that nobody looks at, this is called once a minute.
   */
  listenClosely(silence) {
    const [asksAfter, givesUpAfter] = this.outbox.count ? HURRIED_MS : PATIENT_MS;
    if (this.line instanceof PollingLine) return;
    if (silence > givesUpAfter && this.hasAsked) this.drop();
    else if (silence > asksAfter) {
      this.hasAsked = true;
      this.line.send(messages.whoIsHere());
    }
  }

  /** WebSockets work after all. */
  changeOver() {
    const { line } = this;
    this.failures = 0;
    this.hadSocket = true;
    this.line = null;
    line?.close();
    this.connect();
  }

  // -- What comes in --------------------------------------------------------------------------------------------------

  take(list) {
    this.heardAt = Date.now();
    this.hasAsked = false;
    for (const [name, value] of list) this[`take_${name}`](value);
  }

  take_missing(update) {
    Y.applyUpdate(this.doc, update, this);
    if (this.isSynced) return;
    this.isSynced = true;
    this.say("synced");
  }

  take_update(update) {
    Y.applyUpdate(this.doc, update, this);
  }

  take_awareness(update) {
    applyAwarenessUpdate(this.awareness, update, this);
  }

  take_saved(count) {
    this.refusals = 0;
    this.outbox.saved(count);
    this.say("status");
  }

  take_changed(part) {
    this.say("changed", part);
  }

  take_standing(mayWrite) {
    const isAllowedAgain = mayWrite && !this.mayWrite && this.isAnswered;
    this.mayWrite = mayWrite;
    this.say("status");
    if (isAllowedAgain) this.drop(CODE.resync);
  }

  /** The server says what it has: give it all it lacks. A reader gives nothing. */
  take_state(state) {
    const lacking = this.mayWrite ? Y.encodeStateAsUpdate(this.doc, state) : new Uint8Array([0, 0]);
    this.isAnswered = true;
    if (this.mayWrite) this.outbox.sentAll();
    else this.outbox.sent += 1;
    this.line.send(messages.missing(lacking));
    this.up();
  }

  up() {
    this.failures = 0;
    this.isSignedOut = false;
    this.become(this.line instanceof SocketLine ? "live" : "polling");
  }

  // -- What goes out --------------------------------------------------------------------------------------------------

  /** Something was written here. What comes from this browser's store was counted when it was written. */
  made(update, origin) {
    const isSent = this.isAnswered && this.mayWrite;
    if (isSent || !origin?.isStore) this.outbox.add(isSent);
    if (isSent) this.line.send(messages.update(update));
    this.say("status");
  }

  tell() {
    this.telling ||= setTimeout(() => {
      this.telling = 0;
      this.line?.send(this.presenceUpdate());
    }, PRESENCE_EVERY_MS);
  }

  presenceUpdate() {
    return messages.awareness(encodeAwarenessUpdate(this.awareness, [this.doc.clientID]));
  }

  become(state) {
    if (this.state === state) return;
    this.state = state;
    this.say("status");
  }

  say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
