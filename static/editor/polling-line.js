import * as Y from "yjs";

import { frameOf, read, stateVector } from "./messages.js";

const PATIENCE_MS = 30_000;
const NOTHING = { list: [], head: 0, changes: "" };

/** The same frames by plain HTTP: one request hands in what was written, another waits for news. */
export class PollingLine {
  constructor(url, doc, on) {
    this.url = url.replace("?", "/poll?");
    this.doc = doc;
    this.on = on;
    this.head = 0;
    this.acknowledged = 0;
    this.queue = [];
    this.stop = new AbortController();
  }

  open() {
    this.on.opened();
    this.listen();
  }

  send(message) {
    this.queue.push(message);
    if (!this.isHandingIn) this.handIn();
  }

  close() {
    this.isClosed = true;
    this.stop.abort();
  }

  end(code) {
    if (this.isClosed) return;
    this.close();
    this.on.closed(code);
  }

  /** One request after the other, so that what was written arrives in order. */
  async handIn() {
    this.isHandingIn = true;
    await null; // what is written in the same moment goes together
    while (this.queue.length && !this.isClosed) {
      const taken = this.queue;
      this.queue = [];
      const expected = taken.filter(brings).length;
      const { list } = await this.exchange(taken, "since=0");
      const saved = Math.max(0, ...list.filter(([name]) => name === "saved").map(([, count]) => count));
      if (saved < expected) this.end(1006);
      else this.pass(list, this.acknowledged);
      this.acknowledged += expected;
    }
    this.isHandingIn = false;
  }

  /** Between two of them nothing is heard: each answer says up to where it tells what changed beside the text. */
  async listen() {
    let changes = "";
    while (!this.isClosed) {
      const state = stateVector(Y.encodeStateVector(this.doc));
      const answer = await this.exchange([state, this.on.presence()], `since=${this.head}&changes=${changes}`);
      ({ changes } = answer);
      this.head = answer.head;
      this.pass(answer.list, this.acknowledged);
    }
  }

  async exchange(taken, asked) {
    try {
      const patience = AbortSignal.any([this.stop.signal, AbortSignal.timeout(PATIENCE_MS)]);
      const body = frameOf(taken);
      const response = await fetch(`${this.url}&${asked}`, { method: "POST", body, signal: patience });
      if (!response.ok) this.end(await codeOf(response));
      if (this.isClosed) return NOTHING;
      const list = read(new Uint8Array(await response.arrayBuffer()));
      const { headers } = response;
      return { list, head: Number(headers.get("Debrief-Head")), changes: headers.get("Debrief-Changes") };
    } catch {
      this.end(1006);
      return NOTHING;
    }
  }

  /** Every answer begins with what the server has: only the first one is worth an answer, or one that follows it. */
  pass(list, acknowledged) {
    if (this.isClosed || !list.length) return;
    const first = list.findIndex(([name]) => name === "state");
    const news = list.filter((_, at) => at !== first || !this.isAnswered);
    this.isAnswered = true;
    this.on.heard(news.map(([name, value]) => (name === "saved" ? [name, acknowledged + value] : [name, value])));
  }
}

/** Whether the message is acknowledged: it is, or answers with, an update. */
function brings(message) {
  return message[0] === 0 && message[1] > 0;
}

async function codeOf(response) {
  try {
    return (await response.json()).code;
  } catch {
    return 1006;
  }
}
