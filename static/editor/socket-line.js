import { read } from "./messages.js";

const OPENS_WITHIN_MS = 2500;

/** The code of a connection that nobody answered. */
export const SILENT = 4000;

/** Frames by WebSocket. */
export class SocketLine {
  constructor(url, _doc, on) {
    this.url = socketUrl(url);
    this.on = on;
  }

  /** Whether a WebSocket opens at all. */
  static isPossible(url) {
    return new Promise((resolve) => {
      const socket = new WebSocket(socketUrl(url), ["debrief.v1"]);
      socket.onopen = () => {
        resolve(true);
        socket.close();
      };
      socket.onerror = () => resolve(false);
    });
  }

  open() {
    this.socket = new WebSocket(this.url, ["debrief.v1"]);
    this.socket.binaryType = "arraybuffer";
    this.patience = setTimeout(() => this.end(SILENT), OPENS_WITHIN_MS);
    this.socket.onopen = () => {
      clearTimeout(this.patience);
      this.on.opened();
    };
    this.socket.onmessage = ({ data }) => this.on.heard(read(new Uint8Array(data)));
    this.socket.onclose = ({ code }) => this.end(code);
  }

  send(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  end(code) {
    if (this.isClosed) return;
    this.close();
    this.on.closed(code);
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.patience);
    this.socket.close();
  }
}

function socketUrl(url) {
  const address = new URL(url, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}
