/**
 * Which of this page's changes the server has committed. Every message that carries changes has a number; the server
 * acknowledges up to a number. A new connection counts from one, and its first message carries everything.
 */
export class Outbox {
  waiting = [];
  sent = 0;
  savedAt = null;

  /** A change was made here; `isSent` unless it waits for a connection. */
  add(isSent) {
    if (isSent) this.sent += 1;
    this.waiting.push({ number: isSent ? this.sent : null, since: Date.now() });
  }

  /** All that waits went out in one message: the answer to what the server said it has. */
  sentAll() {
    this.sent += 1;
    for (const change of this.waiting) change.number = this.sent;
  }

  /** The server has committed this many messages. */
  saved(count) {
    const before = this.waiting.length;
    this.waiting = this.waiting.filter((change) => change.number === null || change.number > count);
    if (this.waiting.length < before) this.savedAt = new Date();
  }

  /** The connection is gone: what is not acknowledged may or may not be saved. */
  reset() {
    this.sent = 0;
    for (const change of this.waiting) change.number = null;
  }

  get count() {
    return this.waiting.length;
  }

  /** For how many milliseconds the oldest change has been waiting. */
  get age() {
    return this.waiting.length ? Date.now() - this.waiting[0].since : 0;
  }
}
