const HEADERS = "hx-headers:inherited";

/** The page's token against forged requests. */
export function csrfToken() {
  return JSON.parse(document.body.getAttribute(HEADERS) ?? "{}")["X-CSRFToken"] ?? "";
}

/** Signing in again changes the token: give the page the new one, in its header and in every form. */
export function renewCsrfToken(token) {
  document.body.setAttribute(HEADERS, JSON.stringify({ "X-CSRFToken": token }));
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = token;
}
