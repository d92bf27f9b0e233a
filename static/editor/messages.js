// The messages of the live text, as postmortems/collab/protocol.py knows them.
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

const SYNC = 0, AWARENESS = 1, QUERY_AWARENESS = 3, SAVED = 100, CHANGED = 101, STANDING = 102;
const STATE = 0, MISSING = 1, UPDATE = 2;
const NAMES = ["state", "missing", "update"];

function message(...numbers) {
  const encoder = encoding.createEncoder();
  for (const number of numbers) encoding.writeVarUint(encoder, number);
  return encoder;
}

function withBytes(encoder, bytes) {
  encoding.writeVarUint8Array(encoder, bytes);
  return encoding.toUint8Array(encoder);
}

export const stateVector = (state) => withBytes(message(SYNC, STATE), state);
export const missing = (update) => withBytes(message(SYNC, MISSING), update);
export const update = (bytes) => withBytes(message(SYNC, UPDATE), bytes);
export const awareness = (bytes) => withBytes(message(AWARENESS), bytes);
export const whoIsHere = () => encoding.toUint8Array(message(QUERY_AWARENESS));

/** Several messages as one frame. */
export function frameOf(messages) {
  const frame = new Uint8Array(messages.reduce((length, each) => length + each.length, 0));
  let at = 0;
  for (const each of messages) {
    frame.set(each, at);
    at += each.length;
  }
  return frame;
}

/** The messages in a frame, each a name and what it says. */
export function read(frame) {
  const decoder = decoding.createDecoder(frame);
  const found = [];
  while (decoding.hasContent(decoder)) found.push(readOne(decoder));
  return found;
}

function readOne(decoder) {
  const kind = decoding.readVarUint(decoder);
  switch (kind) {
    case SYNC:
      return [NAMES[decoding.readVarUint(decoder)], decoding.readVarUint8Array(decoder)];
    case AWARENESS:
      return ["awareness", decoding.readVarUint8Array(decoder)];
    case SAVED:
      return ["saved", decoding.readVarUint(decoder)];
    case CHANGED:
      return ["changed", decoding.readVarString(decoder)];
    case STANDING:
      return ["standing", decoding.readVarUint(decoder) === 1];
    default:
      throw new Error(`a message of kind ${kind}`);
  }
}
