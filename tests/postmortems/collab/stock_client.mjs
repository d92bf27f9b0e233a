// The y-websocket provider as it comes from npm: connects, edits, and prints what it then sees.
import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const [, , address, room, cookie, root, words] = process.argv;

class SignedIn extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { headers: { Cookie: cookie, Origin: address.replace("ws:", "http:").replace(/\/ws.*/, "") } });
  }
}

const warnings = [];
for (const name of ["error", "warn"]) console[name] = (...parts) => warnings.push(parts.join(" "));
const doc = new Y.Doc();
const provider = new WebsocketProvider(address, room, doc, { WebSocketPolyfill: SignedIn, disableBc: true });
await new Promise((resolve) => provider.on("sync", (isSynced) => isSynced && resolve()));
const text = doc.getText(root);
text.insert(text.length, words);
await new Promise((resolve) => setTimeout(resolve, 800));
process.stdout.write(JSON.stringify({ text: text.toString(), warnings }));
provider.destroy();
process.exit(0);
