import { csrfToken } from "./csrf.js";
import { toast } from "./dom.js";

/** Attaches the file and answers with its Markdown; "" when it was refused or did not arrive, which is said. */
export async function upload(file, url) {
  const body = new FormData();
  body.append("file", file);
  body.append("alternative_text", "");
  try {
    const headers = { "X-CSRFToken": csrfToken(), "HX-Request": "true" };
    const response = await fetch(url, { method: "POST", body, headers });
    if (response.ok) return (await response.json()).markdown;
    if (response.status === 401) document.dispatchEvent(new CustomEvent("debrief:signed-out"));
    else if (response.status === 422) toast(`${file.name}: ${(await response.json()).error}`, "error");
    else if (response.status === 413) toast(`${file.name} is too large to send.`, "error");
    else toast(`${file.name} was not sent (${response.status}). Try again.`, "error");
  } catch {
    toast(`${file.name} was not sent: Debrief cannot be reached. Try again in a moment.`, "error");
  }
  return "";
}
